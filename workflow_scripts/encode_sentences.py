from privatune.core.job import job
from privatune.text.sentence_settings import SentencesSettings
from privatune.text.sentences import encode_sentences

with job(snakemake.log[0]):
    settings = snakemake.params.settings
    encode_sentences(
        snakemake.wildcards.set,
        (snakemake.input.table, snakemake.input.manifest),
        snakemake.input.tokenizer,
        SentencesSettings(**settings["sentences"]),
        settings["seed"],
        snakemake.wildcards.encoder,
        snakemake.output[0],
    )
