from privatune.core.files import read_json, write_json
from privatune.core.job import job
from privatune.evaluation.settings import EvaluationSettings
from privatune.models.arrays import read_model
from privatune.models.settings import NumericsSettings
from privatune.systems.compression.curve import curve
from privatune.systems.compression.methods import Choice, best
from privatune.text.streams import read_stream
from privatune.text.tokenizer import read_words

with job(snakemake.log[0]):
    s, w = snakemake.params.settings, snakemake.wildcards
    names = ("private", "general", "test", "heldout")
    private, general, *tests = [read_stream(snakemake.input[name], s["vocabulary"]) for name in names]
    chosen = best(read_json(snakemake.input.tuning))["choice"]
    rows = curve(
        read_model(snakemake.input.model),
        (private, general),
        tests,
        read_words(snakemake.input.tokenizer)[: s["vocabulary"]],
        Choice(**chosen | {"cohort": s["cohort"]}),
        NumericsSettings(**s["numerics"]),
        EvaluationSettings(**s["evaluation"]),
        (int(w.seed), int(w.seed)),  # the samples also belong to the replicate
        s["shares"],
    )
    write_json(snakemake.output[0], [{"method": w.method, "seed": int(w.seed), **row} for row in rows])
