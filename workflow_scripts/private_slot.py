from privatune.core.job import job
from privatune.systems.dpfedavg.job_settings import PrivateJobSettings
from privatune.systems.dpfedavg.rounds import load_state, save_sum
from privatune.systems.dpfedavg.run import private_run, slot_sum

with job(snakemake.log[0]):
    i, s, w = snakemake.input, PrivateJobSettings(**snakemake.params.settings), snakemake.wildcards
    run = private_run(i.private, i.general, i.tokenizer, i.terms, i.model, i.code, s, int(w.seed))
    state = load_state(i.state) if i.state else run.start
    save_sum(snakemake.output[0], slot_sum(run, state, int(w.round), int(w.slot), s.slots))
