from privatune.core.job import job
from privatune.federation.private import close_round, first_state, load_state, load_sum, save_state
from privatune.federation.private_run import private_run
from privatune.federation.private_settings import PrivateJobSettings

with job(snakemake.log[0]):
    i, s, w = snakemake.input, PrivateJobSettings(**snakemake.params.settings), snakemake.wildcards
    run = private_run(i.private, i.general, i.tokenizer, i.terms, [i.model, *i.code], s, int(w.seed))
    state = load_state(i.state) if i.state else first_state(i.model, run.mechanism)
    sums, number = map(load_sum, i.sums), int(w.round)
    closed = close_round(state, sums, run.mechanism, s.optimiser, number, run.secret, int(w.seed))
    save_state(snakemake.output[0], closed)
