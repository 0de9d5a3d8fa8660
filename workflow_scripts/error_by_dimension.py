from privatune.core.files import write_json
from privatune.core.job import job
from privatune.models.settings import NumericsSettings
from privatune.systems.dpzero.dimension import errors_by_dimension
from privatune.systems.dpzero.dimension_settings import DimensionSettings

with job(snakemake.log[0]):
    s = snakemake.params.settings
    errors = errors_by_dimension(DimensionSettings(**s["dimension"]), NumericsSettings(**s["numerics"]))
    write_json(snakemake.output[0], errors)
