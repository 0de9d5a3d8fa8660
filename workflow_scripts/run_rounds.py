from pathlib import Path

from privatune.core.files import write_bytes
from privatune.core.job import job
from privatune.federation.aggregation import aggregate
from privatune.federation.clients import run_clients
from privatune.federation.records import write_records
from privatune.federation.settings import ScenarioSettings
from privatune.models.settings import NumericsSettings
from privatune.text.streams import read_stream

with job(snakemake.log[0]):
    s, w = snakemake.params.settings, snakemake.wildcards
    scenario, numerics = ScenarioSettings(**s["scenario"]), NumericsSettings(**s["numerics"])
    model = Path(snakemake.input.model).read_bytes()
    private, general = read_stream(snakemake.input.private), read_stream(snakemake.input.general)
    records = []
    for number in range(s["first_round"], int(w.round) + 1):
        key, everyone = (int(w.seed), number), range(scenario.cohort.size)
        payloads, rows = zip(*run_clients(model, private, general, scenario, numerics, key, everyone), strict=True)
        model = aggregate(model, payloads, scenario, numerics, key, general.ids)
        records += [{"scenario": w.scenario, **row} for row in rows]
    write_bytes(snakemake.output.model, model)
    write_records(snakemake.output.clients, records)
