from privatune.core.job import job
from privatune.systems.dpfedavg.job_settings import DpJobSettings
from privatune.systems.dpfedavg.rounds import load_state, save_sum
from privatune.systems.dpfedavg.run import dp_run, shard_sum

with job(snakemake.log[0]):
    i, s, w = snakemake.input, DpJobSettings(**snakemake.params.settings), snakemake.wildcards
    run = dp_run(i.private, i.general, i.tokenizer, i.terms, i.model, i.code, s, int(w.seed))
    state = load_state(i.state) if i.state else run.start
    save_sum(snakemake.output[0], shard_sum(run, state, int(w.round), int(w.shard), s.shards))
