from pathlib import Path

from privatune.core.files import read_json, write_json
from privatune.core.job import job
from privatune.core.tensors import load_tensors
from privatune.models.settings import NumericsSettings
from privatune.systems.compression.costs import codec_cost
from privatune.systems.compression.methods import Choice, best
from privatune.text.streams import read_stream

with job(snakemake.log[0]):
    s = snakemake.params.settings
    private = read_stream(snakemake.input.private, s["vocabulary"])
    model, _ = load_tensors(snakemake.input.model)
    numerics = NumericsSettings(**s["numerics"])
    rows = []
    for path in snakemake.input.tunings:
        choice = Choice(**best(read_json(path))["choice"])
        texts = [private.unit(person) for person in range(choice.cohort.size)]
        rows.append({"method": Path(path).parent.name, **codec_cost(model, texts, choice, numerics)})
    write_json(snakemake.output[0], rows)
