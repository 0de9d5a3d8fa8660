from pathlib import Path

from privatune.core.job import job
from privatune.models.encoder import load_encoder
from privatune.systems.split.fine_tune import fine_tune_tops
from privatune.systems.split.settings import VendorSettings

with job(snakemake.log[0]):
    encoder = load_encoder(Path(snakemake.input.encoder[0]).parent)
    settings = VendorSettings(**snakemake.params.settings)
    fine_tune_tops(snakemake.input.sent, encoder, settings, snakemake.output[0])
