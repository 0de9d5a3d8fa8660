from pathlib import Path

from privatune.core.files import read_json, write_json
from privatune.core.job import job
from privatune.evaluation.keystrokes import prefix_index
from privatune.evaluation.measure import evaluate
from privatune.evaluation.settings import SampleSettings
from privatune.models.checkpoint import load_weights, use
from privatune.models.settings import NumericsSettings
from privatune.systems.dpfedavg.job_settings import CanarySettings
from privatune.systems.dpfedavg.memorization import memorized
from privatune.text.streams import read_stream
from privatune.text.tokenizer import read_words

with job(snakemake.log[0]):
    s, w = snakemake.params.settings, snakemake.wildcards
    use(NumericsSettings())  # one thread, float32
    weights = load_weights(snakemake.input.model)
    words = read_words(snakemake.input.tokenizer)[: len(weights["embedding"])]
    samples = [read_stream(snakemake.input[name], len(words)) for name in ("test", "heldout")]
    measures = evaluate(weights, *samples, prefix_index(words), SampleSettings(**s["evaluation"]), s["seed"])
    terms = read_json(snakemake.input.terms)
    rounds = terms["mechanism"]["rounds"] if s["carriers"] else 0
    canaries = memorized(weights, CanarySettings(**s["canaries"]), rounds, int(w.seed))
    row = {"variant": w.variant, "seed": int(w.seed), "carriers": s["carriers"], **terms}
    bits = 8 * Path(snakemake.input.model).stat().st_size
    write_json(snakemake.output[0], row | measures | {"canaries": canaries, "model_bits": bits})
