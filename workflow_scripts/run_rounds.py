from privatune.core.job import job
from privatune.federation.records import write_records
from privatune.federation.rounds import run_rounds
from privatune.federation.settings import ScenarioSettings
from privatune.models.arrays import read_model, write_model
from privatune.models.settings import NumericsSettings
from privatune.text.streams import read_stream

with job(snakemake.log[0]):
    s, w = snakemake.params.settings, snakemake.wildcards
    records = []
    for _, averaged, rows in run_rounds(
        read_model(snakemake.input.model),
        read_stream(snakemake.input.private),
        read_stream(snakemake.input.general),
        ScenarioSettings(**s["scenario"]),
        NumericsSettings(**s["numerics"]),
        int(w.seed),
        range(s["first_round"], int(w.round) + 1),
    ):
        model = averaged
        records += [{"scenario": w.scenario, **row} for row in rows]
    write_model(snakemake.output.model, model)
    write_records(snakemake.output.clients, records)
