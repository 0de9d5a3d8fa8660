from pathlib import Path

from privatune.core.files import read_json, write_bytes
from privatune.core.job import job
from privatune.federation.aggregation import aggregate
from privatune.federation.records import write_records
from privatune.federation.settings import ScenarioSettings

with job(snakemake.log[0]):
    payloads = sorted(
        (p for batch in snakemake.input.batches for p in Path(batch).glob("*.payload")), key=lambda p: p.name
    )
    scenario = ScenarioSettings(**snakemake.params.settings)
    model = Path(snakemake.input.model).read_bytes()
    write_bytes(snakemake.output.model, aggregate(model, (path.read_bytes() for path in payloads), scenario))
    write_records(snakemake.output.clients, [read_json(path.with_suffix(".json")) for path in payloads])
