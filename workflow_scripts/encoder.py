from privatune.core.job import job
from privatune.models.encoders import build_encoder, encoder_settings

with job(snakemake.log[0]):
    package = snakemake.input.package or None
    settings = encoder_settings(snakemake.params.settings)
    build_encoder(snakemake.wildcards.encoder, settings, package, **dict(snakemake.output.items()))
