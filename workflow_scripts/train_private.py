from privatune.core.job import job
from privatune.systems.dpfedavg.job_settings import PrivateJobSettings
from privatune.systems.dpfedavg.rounds import save_model
from privatune.systems.dpfedavg.run import private_run, train

with job(snakemake.log[0]):
    i, s = snakemake.input, PrivateJobSettings(**snakemake.params.settings)
    run = private_run(i.private, i.general, i.tokenizer, i.terms, i.model, i.code, s, int(snakemake.wildcards.seed))
    save_model(snakemake.output[0], train(run, s.optimiser))
