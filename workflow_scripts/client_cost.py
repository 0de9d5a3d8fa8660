from privatune.core.files import write_json
from privatune.core.job import job
from privatune.federation.costs import client_cost
from privatune.federation.settings import ScenarioSettings
from privatune.models.arrays import read_model
from privatune.models.settings import NumericsSettings
from privatune.text.streams import read_stream

with job(snakemake.log[0]):
    s, w = snakemake.params.settings, snakemake.wildcards
    cost = client_cost(
        read_model(snakemake.input.model),
        read_stream(snakemake.input.private),
        read_stream(snakemake.input.general),
        ScenarioSettings(**s["scenario"]),
        NumericsSettings(**s["numerics"]),
        s["seed"],
        int(w.client),
    )
    write_json(snakemake.output[0], {"scenario": w.scenario, **cost})
