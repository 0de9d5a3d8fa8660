from privatune.core.job import job
from privatune.federation.aggregation import aggregate
from privatune.federation.records import read_payloads, read_records, visits, write_records
from privatune.federation.settings import ScenarioSettings
from privatune.models.arrays import read_model, write_model
from privatune.models.settings import NumericsSettings
from privatune.text.streams import read_stream

with job(snakemake.log[0]):
    s, w = snakemake.params.settings, snakemake.wildcards
    scenario = ScenarioSettings(**s["scenario"])
    payloads = visits(snakemake.input.shards, scenario.cohort.size)
    general = read_stream(snakemake.input.general).ids if snakemake.input.get("general") else None
    model = aggregate(
        read_model(snakemake.input.model),
        read_payloads(payloads),
        scenario,
        NumericsSettings(**s["numerics"]),
        (int(w.seed), int(w.round)),
        general,
    )
    write_model(snakemake.output.model, model)
    records = [{**record, "scenario": w.scenario} for record in read_records(payloads)]
    write_records(snakemake.output.clients, records)
