from privatune.core.job import job
from privatune.federation.private import first_state, load_state, run_slot, save_sum
from privatune.federation.private_run import private_run
from privatune.federation.private_settings import PrivateJobSettings

with job(snakemake.log[0]):
    i, s, w = snakemake.input, PrivateJobSettings(**snakemake.params.settings), snakemake.wildcards
    run = private_run(i.private, i.general, i.tokenizer, i.terms, [i.model, *i.code], s, int(w.seed))
    state = load_state(i.state) if i.state else first_state(i.model, run.mechanism)
    part = run_slot(state, run.contribution, run.mechanism, int(w.round), run.secret, int(w.seed), int(w.slot), s.slots)
    save_sum(snakemake.output[0], part)
