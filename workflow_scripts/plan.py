from rich.console import Console

from privatune.core.files import write_json
from privatune.core.job import job
from privatune.experiment import experiment
from privatune.planning.jobs import dry_runs
from privatune.planning.plan import forecast, plan
from privatune.planning.shown import tables

with job(snakemake.log[0]):
    s = snakemake.params.settings
    e = experiment(s["config"])
    jobs = dry_runs(s["dry_run"], s["config"], e.plan.targets)
    planned, costs = plan(e, forecast(e, jobs, snakemake.input.costs, s["texts"]), s["cores"])
    write_json(f"{e.output}/plan.json", planned)
    write_json(f"{e.output}/costs.json", costs)
    for part in tables(planned, e.plan.targets):
        Console().print(part)
