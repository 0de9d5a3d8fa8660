from privatune.core.files import write_json
from privatune.core.job import job
from privatune.privacy.settings import ScaleSettings
from privatune.systems.dpfedavg.accounting import by_population

with job(snakemake.log[0]):
    write_json(snakemake.output[0], by_population(ScaleSettings(**snakemake.params.settings)))
