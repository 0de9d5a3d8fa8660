from privatune.core.job import job
from privatune.core.tensors import save_tensors
from privatune.federation.private import first_state, train_privately
from privatune.federation.private_run import private_run
from privatune.federation.private_settings import PrivateJobSettings

with job(snakemake.log[0]):
    i, s, seed = snakemake.input, PrivateJobSettings(**snakemake.params.settings), int(snakemake.wildcards.seed)
    run = private_run(i.private, i.general, i.tokenizer, i.terms, [i.model, *i.code], s, seed)
    start = first_state(i.model, run.mechanism)
    trained = train_privately(start, run.contribution, run.mechanism, s.optimiser, run.secret, seed)
    save_tensors(snakemake.output[0], trained.weights)
