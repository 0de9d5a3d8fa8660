"""Columns that only the tables of this system show."""

from privatune.report.columns import Column, decimals

OWN = {
    "mode": Column("mode"),
    "codec": Column("codec"),
    "setting": Column("setting of the codec"),
    "download": Column("codec of the download"),
    "memory": Column("memory"),
    "values": Column("values", decimals(0)),
    "payload_bytes": Column("payload, bytes", decimals(0)),
    "encode_ms": Column("encode, ms", decimals(2)),
    "decode_ms": Column("decode, ms", decimals(2)),
}
