from privatune.core.job import job
from privatune.federation.settings import ScenarioSettings
from privatune.models.arrays import read_model, write_model
from privatune.models.settings import NumericsSettings
from privatune.systems.popov.neighbours import neighbour
from privatune.text.streams import read_stream

with job(snakemake.log[0]):
    s = snakemake.params.settings
    changed = neighbour(
        read_model(snakemake.input.model),
        read_model(snakemake.input.trained),
        read_stream(snakemake.input.private),
        read_stream(snakemake.input.general),
        ScenarioSettings(**s["scenario"]),
        NumericsSettings(**s["numerics"]),
        int(snakemake.wildcards.pair),
    )
    write_model(snakemake.output[0], changed)
