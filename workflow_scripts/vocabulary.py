from privatune.core.job import job
from privatune.text.settings import TextSettings
from privatune.text.tokenizer import build_tokenizer

with job(snakemake.log[0]):
    build_tokenizer(snakemake.input.tables, TextSettings(**snakemake.params.settings), snakemake.output[0])
