from privatune.core.job import job
from privatune.systems.dpfedavg.rounds import load_state, save_model

with job(snakemake.log[0]):
    save_model(snakemake.output[0], load_state(snakemake.input.state).weights)
