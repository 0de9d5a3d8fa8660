from privatune.core.job import job
from privatune.systems.dpfedavg.job_settings import PrivateJobSettings
from privatune.systems.dpfedavg.rounds import first_state, save_model, train_privately
from privatune.systems.dpfedavg.run import private_run

with job(snakemake.log[0]):
    i, s = snakemake.input, PrivateJobSettings(**snakemake.params.settings)
    others = [i.model, *i.code]
    run = private_run(i.private, i.general, i.tokenizer, i.terms, others, s, int(snakemake.wildcards.seed))
    start = first_state(i.model, run.mechanism)
    trained = train_privately(start, run.contribution, run.mechanism, s.optimiser, run.secret)
    save_model(snakemake.output[0], trained)
