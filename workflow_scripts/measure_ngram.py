from privatune.core.files import write_json
from privatune.core.job import job
from privatune.evaluation.keystrokes import prefix_index
from privatune.evaluation.measure import evaluate
from privatune.evaluation.settings import SampleSettings
from privatune.models.ngram import train_ngram
from privatune.text.streams import read_stream
from privatune.text.tokenizer import read_words

with job(snakemake.log[0]):
    s = snakemake.params.settings
    words = read_words(snakemake.input.tokenizer)[: s["vocabulary"]]
    text = read_stream(snakemake.input.text, len(words))
    samples = [read_stream(snakemake.input[name], len(words)) for name in ("test", "heldout")]
    model = train_ngram(text, len(words), s["order"])
    measures = evaluate(model, *samples, prefix_index(words), SampleSettings(**s["evaluation"]), s["seed"])
    row = {
        "variant": snakemake.wildcards.baseline,
        "seed": s["seed"],
        "text": s["text"],
        "guarantee": None,
        "canaries": [],
    }
    write_json(snakemake.output[0], row | measures)
