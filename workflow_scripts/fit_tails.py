from privatune.attacks.settings import TailTestSettings
from privatune.attacks.tail import fit_tails
from privatune.core.files import CSV, write_json, write_sealed
from privatune.core.job import job

with job(snakemake.log[0]):
    s = snakemake.params.settings
    fits, curves = fit_tails(snakemake.input.samples, TailTestSettings(**s["test"]), s["seed"])
    write_json(snakemake.output.fits, fits)
    write_sealed(snakemake.output.curves, CSV, curves.to_csv(index=False, float_format="%.6g").encode())
