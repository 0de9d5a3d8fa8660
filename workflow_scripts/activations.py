from pathlib import Path

from privatune.core.job import job
from privatune.models.encoder import load_encoder
from privatune.models.settings import NumericsSettings
from privatune.training.activations import save_states

with job(snakemake.log[0]):
    numerics = NumericsSettings(**snakemake.params.settings)
    encoder = load_encoder(Path(snakemake.input.encoder[0]).parent)
    save_states(snakemake.input.tokens, encoder, snakemake.wildcards.place, numerics, snakemake.output[0])
