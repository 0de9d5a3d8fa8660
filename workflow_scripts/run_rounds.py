from privatune.core.files import write_bytes
from privatune.core.job import job
from privatune.core.tensors import read_packed
from privatune.federation.records import write_records
from privatune.federation.rounds import run_rounds
from privatune.federation.settings import ScenarioSettings
from privatune.models.settings import NumericsSettings
from privatune.text.streams import read_stream

with job(snakemake.log[0]):
    s, w = snakemake.params.settings, snakemake.wildcards
    records = []
    for _, averaged, rows in run_rounds(
        read_packed(snakemake.input.model),
        read_stream(snakemake.input.private),
        read_stream(snakemake.input.general),
        ScenarioSettings(**s["scenario"]),
        NumericsSettings(**s["numerics"]),
        int(w.seed),
        range(s["first_round"], int(w.round) + 1),
    ):
        model = averaged
        records += [{"scenario": w.scenario, **row} for row in rows]
    write_bytes(snakemake.output.model, model)
    write_records(snakemake.output.clients, records)
