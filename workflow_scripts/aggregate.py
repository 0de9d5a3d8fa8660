from pathlib import Path

from privatune.core.files import read_json, write_bytes
from privatune.core.job import job
from privatune.federation.aggregation import aggregate
from privatune.federation.records import write_records
from privatune.federation.settings import ScenarioSettings
from privatune.models.settings import NumericsSettings
from privatune.text.streams import read_stream

with job(snakemake.log[0]):
    s, w = snakemake.params.settings, snakemake.wildcards
    payloads = [path for batch in snakemake.input.batches for path in Path(batch).glob("*.payload")]
    payloads.sort(key=lambda path: path.name)
    general = read_stream(snakemake.input.general).ids if snakemake.input.get("general") else None
    model = aggregate(
        Path(snakemake.input.model).read_bytes(),
        (path.read_bytes() for path in payloads),
        ScenarioSettings(**s["scenario"]),
        NumericsSettings(**s["numerics"]),
        (int(w.seed), int(w.round)),
        general,
    )
    write_bytes(snakemake.output.model, model)
    records = [{**read_json(path.with_suffix(".json")), "scenario": w.scenario} for path in payloads]
    write_records(snakemake.output.clients, records)
