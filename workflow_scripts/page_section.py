from privatune.core.files import write_json
from privatune.core.job import job
from privatune.report.page.section import section

with job(snakemake.log[0]):
    files = {name: file for name, file in snakemake.input.items() if name not in ("code", "pages")}
    settings = dict(snakemake.params.settings)
    write_json(snakemake.output[0], section(settings.pop("room"), settings, files))
