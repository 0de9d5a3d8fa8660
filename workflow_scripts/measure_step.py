from pathlib import Path

from privatune.core.files import write_json
from privatune.core.job import job
from privatune.models.settings import NumericsSettings
from privatune.systems.dpzero.cost_settings import CostSettings
from privatune.systems.dpzero.costs import step_cost

with job(snakemake.log[0]):
    s = snakemake.params.settings
    record = step_cost(
        snakemake.wildcards.row,
        Path(snakemake.input.encoder).parent,
        snakemake.input.tokens,
        CostSettings(**s["costs"]),
        NumericsSettings(**s["numerics"]),
        s["seed"],
    )
    write_json(snakemake.output[0], record)
