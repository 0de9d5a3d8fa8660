from pathlib import Path
from subprocess import PIPE, STDOUT, run
from tempfile import TemporaryDirectory

import yaml
from rich.console import Console

from privatune.core.files import write_json
from privatune.core.job import job
from privatune.experiment import experiment
from privatune.planning.jobs import read_jobs
from privatune.planning.plan import plan
from privatune.planning.shown import tables

with job(snakemake.log[0]), TemporaryDirectory() as folder:
    s = snakemake.params.settings
    e = experiment(s["config"])
    config = Path(folder, "config.yaml")
    config.write_text(yaml.safe_dump(s["config"], sort_keys=False))
    dry = [*s["dry_run"], "--configfile", config]
    prints = (
        run([*dry, *options, "--", *e.plan.targets], stdout=PIPE, stderr=STDOUT, text=True).stdout
        for options in (["--forceall"], [])
    )
    planned, costs = plan(e, map(read_jobs, prints), s["cores"], snakemake.input.costs, s["texts"])
    write_json(f"{e.output}/plan.json", planned)
    write_json(f"{e.output}/costs.json", costs)
    for part in tables(planned, e.plan.targets):
        Console().print(part)
