from pathlib import Path

from privatune.core.job import job
from privatune.systems.dpcompress.run import compress
from privatune.systems.dpcompress.settings import CompressJobSettings

with job(snakemake.log[0]):
    i, o = snakemake.input, snakemake.output
    files = dict(i.items())
    private, public = ({Path(file).stem: file for file in files.get(name, [])} for name in ("private", "public"))
    settings = CompressJobSettings(**snakemake.params.settings)
    encoder = Path(i.encoder[0]).parent
    compress(private, public, files.get("teachers"), encoder, i.code, settings, o.classifiers, o.ledger, o.models)
