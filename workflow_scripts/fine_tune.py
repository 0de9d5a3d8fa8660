from privatune.core.job import job
from privatune.federation.clients import run_clients
from privatune.federation.records import write_visit
from privatune.federation.settings import ScenarioSettings
from privatune.models.arrays import read_model
from privatune.models.settings import NumericsSettings
from privatune.text.streams import read_stream

with job(snakemake.log[0]):
    s, w = snakemake.params.settings, snakemake.wildcards
    scenario, at_once = ScenarioSettings(**s["scenario"]), s["clients_per_job"]
    first = int(w.shard) * at_once
    visits = run_clients(
        read_model(snakemake.input.model),
        read_stream(snakemake.input.private),
        read_stream(snakemake.input.general),
        scenario,
        NumericsSettings(**s["numerics"]),
        (int(w.seed), int(w.round)),
        range(first, min(first + at_once, scenario.cohort.size)),
    )
    for place, (payload, record) in enumerate(visits, first):
        write_visit(snakemake.output[0], place, payload, record)
