from privatune.core.job import job
from privatune.systems.dpfedavg.job_settings import DpJobSettings
from privatune.systems.dpfedavg.rounds import load_state, load_sum, save_state
from privatune.systems.dpfedavg.run import dp_run, next_state

with job(snakemake.log[0]):
    i, s, w = snakemake.input, DpJobSettings(**snakemake.params.settings), snakemake.wildcards
    run = dp_run(i.private, i.general, i.tokenizer, i.terms, i.model, i.code, s, int(w.seed))
    state = load_state(i.state) if i.state else run.start
    save_state(snakemake.output[0], next_state(run, state, map(load_sum, i.sums), s.optimiser, int(w.round)))
