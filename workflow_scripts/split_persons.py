from privatune.core.job import job
from privatune.corpora.split import PrivateSettings, split_persons

with job(snakemake.log[0]):
    settings = snakemake.params.settings
    split_persons(
        snakemake.input.table,
        PrivateSettings(**settings["private"]),
        settings["seed"],
        snakemake.output.table,
        snakemake.output.counts,
    )
