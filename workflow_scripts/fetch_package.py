from privatune.core.job import job
from privatune.corpora.packages import fetch

with job(snakemake.log[0]):
    fetch(**snakemake.params.settings, path=snakemake.output[0])
