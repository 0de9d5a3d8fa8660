from pathlib import Path

from privatune.core.job import job
from privatune.export.classifiers.run import Files, export
from privatune.export.classifiers.settings import ExportJobSettings

with job(snakemake.log[0]):
    i, o = snakemake.input, snakemake.output
    settings = ExportJobSettings(**snakemake.params.settings)
    files = Files(o.weights, o.onnx, o.int8, o.tokenizer, o.measured)
    export(i.models, Path(i.encoder[0]).parent, i.tokens, i.tokenizer, settings, files)
