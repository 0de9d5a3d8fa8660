from privatune.core.job import job
from privatune.systems.split.score import score_attacks

with job(snakemake.log[0]):
    files = snakemake.input
    score_attacks(files.guesses, files.tokens, files.messages, files.public, snakemake.output[0])
