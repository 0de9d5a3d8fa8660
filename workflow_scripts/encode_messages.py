from privatune.core.job import job
from privatune.systems.split.messages import encode_messages
from privatune.systems.split.settings import AttributeSettings

with job(snakemake.log[0]):
    encode_messages(
        snakemake.input.corpus,
        snakemake.input.tokenizer,
        AttributeSettings(**snakemake.params.settings["attribute"]),
        snakemake.params.settings["seed"],
        snakemake.output.messages,
        snakemake.output.known,
    )
