"""The wire format, byte by byte, and what it makes of damaged and hostile payloads."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from privatune.compression import wire
from privatune.compression.codec import combine, encode
from privatune.core.errors import PrivatuneError
from privatune.core.vectors import shapes_of

LIKE = {"b": (2,), "a": (300, 2)}
# a name of one letter; two dimensions, 300 = 0b10_0101100; one dimension
HEAD = b"\x05dense\x02" + b"\x01a\x02\xac\x02\x02" + b"\x01b\x01\x02"
SIZES = [8, 4]
SECTIONS = [b"12345678", b"abcd"]


def sealed(body, zstd=0, magic=b"PVT", version=1):
    """A payload with a right checksum, as a malicious sender would write it."""
    start = struct.pack("<3sBB", magic, version, zstd)
    return start + struct.pack("<I", zlib.crc32(body, zlib.crc32(start + bytes(4)))) + body


def read(payload, codec="dense", like=LIKE, most=SIZES):
    return [bytes(section) for section in wire.read(payload, codec, like, most)]


def test_a_payload_byte_by_byte():
    payload = wire.write("dense", LIKE, SECTIONS)
    assert payload[:5] == b"PVT\x01\x00"
    assert payload[9:] == HEAD + struct.pack("<QQ", 8, 4) + b"12345678abcd"
    assert payload == sealed(payload[9:])


@given(sections=st.lists(st.binary(max_size=20), max_size=4), zstd=st.booleans())
def test_what_is_written_is_read(sections, zstd):
    payload = wire.write("dense", LIKE, sections, zstd)
    assert read(payload, most=[20] * len(sections)) == sections
    assert wire.write("dense", dict(reversed(LIKE.items())), sections, zstd) == payload


def test_zstd_makes_it_smaller():
    zeros = bytes(10_000)
    assert len(wire.write("dense", LIKE, [zeros], zstd=True)) < 100
    assert read(wire.write("dense", LIKE, [zeros], zstd=True), most=[10_000]) == [zeros]


@pytest.mark.parametrize("zstd", [False, True])
@given(data=st.data())
def test_any_accident_is_found(zstd, data):
    payload = bytearray(wire.write("dense", LIKE, SECTIONS, zstd))
    where = data.draw(st.integers(0, len(payload) - 1))
    match data.draw(st.sampled_from(["flip", "cut", "more"])):
        case "flip":
            payload[where] ^= data.draw(st.integers(1, 255))
        case "cut":
            del payload[where:]
        case "more":
            payload[where:where] = data.draw(st.binary(min_size=1, max_size=9))
    with pytest.raises(PrivatuneError):
        wire.read(bytes(payload), "dense", LIKE, SIZES)


@given(data=st.data(), zstd=st.booleans())
def test_a_sealed_payload_of_anything_is_read_or_refused(data, zstd):
    body = bytearray(HEAD + struct.pack("<QQ", 8, 4) + b"12345678abcd")
    for _ in range(data.draw(st.integers(0, 3))):
        where = data.draw(st.integers(0, len(body)))
        body[where : where + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    body = bytes(body)
    payload = sealed(zstandard.compress(body) if zstd and data.draw(st.booleans()) else body, int(zstd))
    try:
        sections = read(payload)
    except PrivatuneError as error:
        assert "\n" not in str(error)
    else:
        assert len(sections) == 2
        assert all(len(section) <= size for section, size in zip(sections, SIZES, strict=True))


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(payload):
    with pytest.raises(PrivatuneError):
        wire.read(payload, "dense", LIKE, SIZES)


SIZED = struct.pack("<QQ", 8, 4) + b"12345678abcd"


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "truncated"),
        (sealed(HEAD + SIZED, magic=b"PNG"), "not a payload"),
        (sealed(HEAD + SIZED, version=2), "version 2"),
        (sealed(HEAD + SIZED, zstd=2), "version"),
        (sealed(HEAD + SIZED)[:-1], "checksum"),
        (sealed(HEAD.replace(b"dense", b"topkk") + SIZED), "codec dense"),
        (sealed(HEAD.replace(b"\x01b", b"\x01a") + SIZED), "tensors"),
        (sealed(HEAD.replace(b"\x01b\x01\x02", b"\x01b\x01\x03") + SIZED), "tensors"),
        (sealed(HEAD), "truncated"),
        (sealed(HEAD + struct.pack("<QQ", 9, 4) + b"12345678abcd"), "declares 9 bytes"),
        (sealed(HEAD + struct.pack("<QQ", 1 << 63, 4) + b"12345678abcd"), "declares 9223372036854775808 bytes"),
        (sealed(HEAD + struct.pack("<QQ", 8, 3) + b"12345678abcd"), "declares"),
        (sealed(HEAD + SIZED + b"x"), "declares"),
        (sealed(b"not zstd", zstd=1), "zstd"),
        (sealed(zstandard.compress(HEAD + SIZED) + b"more", zstd=1), "zstd"),
    ],
)
def test_what_is_wrong_is_named(payload, message):
    with pytest.raises(PrivatuneError, match=message):
        wire.read(payload, "dense", LIKE, SIZES)


def test_a_bomb_is_refused_before_it_grows():
    bomb = zstandard.compress(bytes(50_000_000))
    assert len(bomb) < 10_000
    out = io.BytesIO()
    with zstandard.ZstdCompressor().stream_writer(out, closefd=False) as writer:
        writer.write(bytes(50_000_000))
    # a frame's declared size lies in 8 bytes behind its magic and its descriptor; here it declares 2^50 bytes
    liar = zstandard.FRAME_HEADER + b"\xe0" + struct.pack("<Q", 1 << 50) + bomb[-20:]
    assert zstandard.get_frame_parameters(liar).content_size == 1 << 50
    for frame in (bomb, out.getvalue(), liar):
        tracemalloc.start()
        with pytest.raises(PrivatuneError, match="more than the"):
            wire.read(sealed(frame, zstd=1), "dense", LIKE, SIZES)
        assert tracemalloc.get_traced_memory()[1] < 100_000
        tracemalloc.stop()


def test_numbers_are_as_many_as_asked_for():
    assert wire.numbers(struct.pack("<2f", 1, 2), "<f4", 2).tolist() == [1, 2]
    assert wire.numbers(b"", "<f4", 0).tolist() == []
    with pytest.raises(PrivatuneError, match="should hold 3 values"):
        wire.numbers(np.zeros(2, np.float32).tobytes(), "<f4", 3)


@examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_sealed_payload_of_any_codec_is_finite_or_refused(every_codec, drawn, like, data):
    """The checksum is right, so that every change reaches the codec."""
    payload, _ = encode(drawn(0), {}, every_codec, 0, 1)
    body = payload[9:]
    body = bytearray(zstandard.decompress(body) if every_codec.zstd else body)
    for _ in range(data.draw(st.integers(1, 3))):
        where = data.draw(st.integers(0, len(body) - 1))
        if data.draw(st.booleans()):
            odd = data.draw(st.sampled_from([np.nan, np.inf, 3e38, -1.0]))
            body[where : where + 4] = struct.pack("<f", odd)
        else:
            body[where : where + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    body = bytes(body)
    hostile = sealed(zstandard.compress(body), 1) if every_codec.zstd else sealed(body)
    try:
        mean, _ = combine([hostile], like, {}, every_codec, 1)
    except PrivatuneError as error:
        assert str(error).startswith("payload 0: ")
    else:
        assert shapes_of(mean) == like
        assert all(np.isfinite(array).all() for array in mean.values())
