from privatune.core.job import job
from privatune.core.tensors import save_tensors
from privatune.federation.private_run import private_run, train
from privatune.federation.private_settings import PrivateJobSettings

with job(snakemake.log[0]):
    i, s = snakemake.input, PrivateJobSettings(**snakemake.params.settings)
    run = private_run(i.private, i.general, i.tokenizer, i.terms, i.model, i.code, s, int(snakemake.wildcards.seed))
    save_tensors(snakemake.output[0], train(run, s.optimiser))
