from importlib import import_module

from privatune.core.job import job
from privatune.report.style import save_figure

with job(snakemake.log[0]):
    inputs = {name: files for name, files in snakemake.input.items() if name not in ("code", "pages")}
    settings = dict(snakemake.params.settings)
    part, note = import_module(settings.pop("part")), settings.pop("note")
    save_figure(part.figure(**inputs, **settings), snakemake.output.pdf, snakemake.output.png, note)
