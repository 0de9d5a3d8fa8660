from privatune.core.job import job
from privatune.systems.split.embeddings import read_embeddings
from privatune.systems.split.guesses import Attacker, guess_sent
from privatune.systems.split.settings import AttackerSettings

with job(snakemake.log[0]):
    files = snakemake.input
    guess_sent(
        files.sent,
        files.messages,
        Attacker(files.public, files.public_states, files.known, files.known_states, files.distance, files.tokenizer),
        read_embeddings(files.encoder[0]),
        AttackerSettings(**snakemake.params.settings),
        snakemake.output.guesses,
        snakemake.output.examples,
    )
