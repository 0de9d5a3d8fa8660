from pathlib import Path

from privatune.core.files import write_bytes, write_json
from privatune.core.job import job
from privatune.federation.clients import run_clients
from privatune.federation.settings import ScenarioSettings
from privatune.models.settings import NumericsSettings
from privatune.text.streams import read_stream

with job(snakemake.log[0]):
    s, w = snakemake.params.settings, snakemake.wildcards
    scenario, at_once = ScenarioSettings(**s["scenario"]), s["clients_per_job"]
    first = int(w.batch) * at_once
    visits = run_clients(
        Path(snakemake.input.model).read_bytes(),
        read_stream(snakemake.input.private),
        read_stream(snakemake.input.general),
        scenario,
        NumericsSettings(**s["numerics"]),
        (int(w.seed), int(w.round)),
        range(first, min(first + at_once, scenario.cohort.size)),
    )
    for place, (payload, record) in enumerate(visits, first):
        name = Path(snakemake.output[0]) / f"{place:06d}"
        write_bytes(name.with_suffix(".payload"), payload)
        write_json(name.with_suffix(".json"), record)
