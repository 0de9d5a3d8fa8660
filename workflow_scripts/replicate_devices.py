from privatune.core.files import write_json
from privatune.core.job import job
from privatune.evaluation.keystrokes import prefix_index
from privatune.evaluation.settings import EvaluationSettings
from privatune.federation.records import write_records
from privatune.federation.settings import ScenarioSettings
from privatune.models.arrays import read_model
from privatune.models.settings import NumericsSettings
from privatune.systems.popov.devices import replicates
from privatune.text.streams import read_stream
from privatune.text.tokenizer import read_words

with job(snakemake.log[0]):
    s, files = snakemake.params.settings, snakemake.input
    made = replicates(
        read_model(files.model),
        *(read_stream(files[name]) for name in ("private", "general")),
        tuple(read_stream(files[name]) for name in ("general_test", "user", "later")),
        prefix_index(read_words(files.tokenizer)),
        ScenarioSettings(**s["scenario"]),
        NumericsSettings(**s["numerics"]),
        EvaluationSettings(**s["evaluation"]),
        s["seed"],
        s["seeds"],
    )
    measures, records = zip(*made, strict=True)
    about = {"scenario": snakemake.wildcards.scenario}
    write_json(snakemake.output.evaluations, [about | row for row in measures])
    write_records(snakemake.output.clients, [about | row for rows in records for row in rows])
