from privatune.core.job import job
from privatune.text.encoding import encode_parts

with job(snakemake.log[0]):
    unit = snakemake.params.settings["unit"]
    encode_parts(snakemake.input.tables, unit, snakemake.input.tokenizer, dict(snakemake.output.items()))
