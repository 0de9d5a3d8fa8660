from privatune.core.job import job
from privatune.systems.dpfedavg.job_settings import DpJobSettings
from privatune.systems.dpfedavg.rounds import save_model
from privatune.systems.dpfedavg.run import dp_run, train

with job(snakemake.log[0]):
    i, s = snakemake.input, DpJobSettings(**snakemake.params.settings)
    run = dp_run(i.private, i.general, i.tokenizer, i.terms, i.model, i.code, s, int(snakemake.wildcards.seed))
    save_model(snakemake.output[0], train(run, s.optimiser))
