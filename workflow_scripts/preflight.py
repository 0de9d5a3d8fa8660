from rich.console import Console

from privatune.core.files import write_json
from privatune.core.job import job
from privatune.experiment import experiment
from privatune.planning.concerns import concerns
from privatune.planning.jobs import dry_runs
from privatune.planning.overview import WIDTH, overview
from privatune.planning.plan import forecast
from privatune.planning.preflight import preflight

with job(snakemake.log[0]):
    s = snakemake.params.settings
    e = experiment(s["config"])
    known = forecast(e, dry_runs(s["dry_run"], s["config"], s["targets"]), snakemake.input.costs, s["texts"])
    found = preflight(e, known, s["files"], s["targets"], s["cores"])
    write_json(f"{e.output}/preflight.json", found, private=True)
    for part in overview(found, concerns(e, found)):
        Console(width=WIDTH).print(part)
