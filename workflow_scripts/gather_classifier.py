from pathlib import Path

from privatune.core.job import job
from privatune.export.classifiers.gather import Files, gather

with job(snakemake.log[0]):
    i, s = snakemake.input, snakemake.params.settings
    files = Files(i.onnx, i.int8, i.tokenizer, i.measured, i.classifiers, i.private, list(i.public))
    trained = {"system": s["system"], "encoder": s["encoder"]}
    gather(files, snakemake.wildcards.gathered, trained, s["secure"], Path(snakemake.output.about).parent)
