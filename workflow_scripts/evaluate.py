from privatune.core.files import write_json
from privatune.core.job import job
from privatune.evaluation.keystrokes import prefix_index
from privatune.evaluation.measure import evaluate_with_later
from privatune.evaluation.settings import EvaluationSettings
from privatune.models.checkpoint import load_weights, use
from privatune.models.settings import NumericsSettings
from privatune.text.streams import read_stream
from privatune.text.tokenizer import read_words

with job(snakemake.log[0]):
    s, w = snakemake.params.settings, snakemake.wildcards
    use(NumericsSettings())  # one thread, float32
    samples = [read_stream(snakemake.input[name]) for name in ("general", "user", "later")]
    index = prefix_index(read_words(snakemake.input.tokenizer))
    measures = evaluate_with_later(
        load_weights(snakemake.input.model), *samples, index, EvaluationSettings(**s["evaluation"]), s["seed"]
    )
    write_json(snakemake.output[0], {"scenario": w.scenario, "seed": int(w.seed), "round": int(w.round), **measures})
