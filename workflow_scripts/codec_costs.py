from pathlib import Path

from privatune.core.files import read_json, write_json
from privatune.core.job import job
from privatune.core.tensors import read_packed
from privatune.models.settings import NumericsSettings
from privatune.systems.compression.costs import codec_cost
from privatune.systems.compression.methods import Choice, best
from privatune.text.streams import read_stream

with job(snakemake.log[0]):
    s = snakemake.params.settings
    private = read_stream(snakemake.input.private, s["vocabulary"])
    model, numerics = read_packed(snakemake.input.model), NumericsSettings(**s["numerics"])
    rows = []
    for path in snakemake.input.tunings:
        choice = Choice(**best(read_json(path))["choice"])
        texts = [private.unit(person) for person in range(choice.cohort.size)]
        rows.append({"method": Path(path).parent.name, **codec_cost(model, texts, choice, numerics)})
    write_json(snakemake.output[0], rows)
