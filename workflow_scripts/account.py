from privatune.core.files import write_json
from privatune.core.job import job
from privatune.privacy.accounting import by_population
from privatune.privacy.settings import ScaleSettings

with job(snakemake.log[0]):
    write_json(snakemake.output[0], by_population(ScaleSettings(**snakemake.params.settings)))
