from importlib import import_module

from privatune.core.job import job
from privatune.report.frames import write_table

with job(snakemake.log[0]):
    inputs = {name: files for name, files in snakemake.input.items() if name not in ("code", "pages")}
    settings = {name: value for name, value in snakemake.params.settings.items() if name != "order"}
    part = import_module(settings.pop("part"))
    write_table(part.table(**inputs, **settings), snakemake.output.csv)
