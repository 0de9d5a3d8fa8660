import numpy as np

from privatune.attacks.likelihoods import write_texts
from privatune.core.job import job
from privatune.core.tensors import save_tensors
from privatune.models.checkpoint import load_weights, use
from privatune.models.settings import NumericsSettings

with job(snakemake.log[0]):
    s, about = snakemake.params.settings, dict(snakemake.wildcards.items())
    use(NumericsSettings())  # one thread, float32
    writer, reader = (load_weights(snakemake.input[name]) for name in ("writer", "reader"))
    texts = write_texts(writer, reader, s["texts"], s["words"], (s["seed"], about["pair"], about["direction"]))
    log_c = (texts.log_writer - texts.log_reader).astype(np.float32)
    save_tensors(snakemake.output[0], {"log_c": log_c}, about)
