import pandas as pd

from privatune.core.job import job
from privatune.report.frames import write_table

with job(snakemake.log[0]):
    last = [pd.read_csv(path).iloc[[-1]] for path in snakemake.input.curves]
    table = pd.concat(last, keys=snakemake.params.settings["precisions"], names=["precision"]).reset_index(0)
    table["over_float32"] = table["ppl_valid"] / table["ppl_valid"].iloc[0]
    write_table(table[["precision", "tokens", "ppl_valid", "over_float32", "seconds"]], snakemake.output.csv)
