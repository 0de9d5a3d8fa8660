from pathlib import Path

from privatune.core.job import job
from privatune.models.encoder import load_encoder
from privatune.models.settings import NumericsSettings
from privatune.systems.split.states import save_cut_states, save_distance

with job(snakemake.log[0]):
    numerics, cut = NumericsSettings(**snakemake.params.settings), int(snakemake.wildcards.cut)
    encoder = load_encoder(Path(snakemake.input.encoder[0]).parent)
    save_cut_states(snakemake.input.tokens, encoder, cut, numerics, snakemake.output.states)
    save_cut_states(snakemake.input.known, encoder, cut, numerics, snakemake.output.known)
    save_distance(snakemake.input.tokens, snakemake.output.states, encoder, cut, snakemake.output.distance)
