from pathlib import Path

from privatune.core.job import job
from privatune.export.run import Files, export
from privatune.export.settings import ExportJobSettings

with job(snakemake.log[0]):
    i, settings = snakemake.input, ExportJobSettings(**snakemake.params.settings)
    optional = {name: i.get(name) or None for name in ("private", "persons", "terms")}
    files = Files(i.model, i.tokenizer, i.general, i.user, list(i.corpora), **optional)
    export(files, settings, Path(snakemake.output.about).parent)
