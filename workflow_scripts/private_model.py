from privatune.core.job import job
from privatune.core.tensors import save_tensors
from privatune.systems.dpfedavg.rounds import load_state

with job(snakemake.log[0]):
    save_tensors(snakemake.output[0], load_state(snakemake.input.state).weights)
