from pathlib import Path

from privatune.core.job import job
from privatune.systems.dpzero.run import train_classifiers
from privatune.systems.dpzero.settings import ClassifierJobSettings

with job(snakemake.log[0]):
    i, o = snakemake.input, snakemake.output
    folder = Path(i.encoder[0]).parent if "encoder" in dict(i.items()) else None
    settings = ClassifierJobSettings(**snakemake.params.settings)
    train_classifiers(i.examples, i.vectors, folder, i.code, settings, o.classifiers, o.tuning, o.models)
