from privatune.core.job import job
from privatune.models.checkpoint import use
from privatune.systems.split.embeddings import read_embeddings
from privatune.systems.split.send import Customer, send_states
from privatune.systems.split.settings import SendSettings

with job(snakemake.log[0]):
    settings, files = SendSettings(**snakemake.params.settings), snakemake.input
    use(settings.numerics)
    send_states(
        Customer(files.tokens, files.states, files.messages, files.message_states),
        files.public,
        files.distance,
        read_embeddings(files.encoder[0]),
        settings,
        snakemake.output.sent,
        snakemake.output.messages,
        snakemake.output.terms,
    )
