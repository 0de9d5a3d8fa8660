from privatune.core.files import write_bytes
from privatune.core.job import job
from privatune.report.page.render import render

with job(snakemake.log[0]):
    files, settings = snakemake.input, snakemake.params.settings
    page = render(list(files.get("sections", [])), files.template, **settings)
    write_bytes(snakemake.output[0], page.encode())
