from pathlib import Path

import pandas as pd

from privatune.core.files import CSV, sha256, write_sealed
from privatune.core.job import job
from privatune.models.checkpoint import save_weights
from privatune.models.settings import NumericsSettings, model_settings
from privatune.text.settings import UNK
from privatune.text.streams import read_stream
from privatune.training.pretrain import pretrain
from privatune.training.settings import PretrainSettings

with job(snakemake.log[0]):
    s = snakemake.params.settings
    weights, curve = pretrain(
        read_stream(snakemake.input.train, s["vocabulary"]).ids,
        read_stream(snakemake.input.valid, s["vocabulary"]).ids,
        s["vocabulary"],
        UNK,
        model_settings(s["model"]),
        PretrainSettings(**s["pretrain"]),
        NumericsSettings(**s["numerics"]),
        s["seed"],
        Path(s["checkpoints"]),
        [snakemake.output.model, *map(sha256, snakemake.input.code)],
    )
    save_weights(snakemake.output.model, weights, {"model": s["model"], "vocabulary": s["vocabulary"]})
    write_sealed(snakemake.output.curve, CSV, pd.DataFrame(curve).to_csv(index=False).encode())
