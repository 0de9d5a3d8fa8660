from privatune.core.files import write_json
from privatune.core.job import job
from privatune.evaluation.settings import EvaluationSettings
from privatune.models.arrays import read_model
from privatune.models.settings import NumericsSettings
from privatune.systems.compression.curve import curve
from privatune.systems.compression.methods import Choice
from privatune.text.streams import read_stream
from privatune.text.tokenizer import read_words

with job(snakemake.log[0]):
    s, names = snakemake.params.settings, ("private", "general", "valid", "later")
    private, general, *tests = [read_stream(snakemake.input[name], s["vocabulary"]) for name in names]
    model, words = read_model(snakemake.input.model), read_words(snakemake.input.tokenizer)[: s["vocabulary"]]
    points = []
    for choice in s["choices"]:
        *_, end = curve(
            model,
            (private, general),
            tests,
            words,
            Choice(**choice),
            NumericsSettings(**s["numerics"]),
            EvaluationSettings(**s["evaluation"]),
            (s["seed"], s["seed"]),
            [1.0],
        )
        points.append({"choice": choice, "ppl_average": end["ppl_average"], "steps": end["steps"]})
    write_json(snakemake.output[0], points)
