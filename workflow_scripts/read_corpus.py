from privatune.core.job import job
from privatune.corpora.cleaning import CleaningSettings
from privatune.corpora.reading import read_corpus

with job(snakemake.log[0]):
    settings = snakemake.params.settings
    read_corpus(
        snakemake.wildcards.source,
        settings["source"],
        CleaningSettings(**settings.get("cleaning", {})),
        snakemake.input.get("package"),
        snakemake.output.table,
        snakemake.output.manifest,
    )
