from privatune.systems.dpzero.dimension import error_by_dimension
from privatune.systems.dpzero.dimension_settings import DimensionSettings

from privatune.core.job import job

with job(snakemake.log[0]):
    error_by_dimension(DimensionSettings(**snakemake.params.settings), snakemake.output[0])
