from pathlib import Path

from privatune.core.files import write_json
from privatune.core.job import job
from privatune.core.tensors import load_tensors, save_tensors
from privatune.evaluation.memorization import population
from privatune.federation.private import train_privately
from privatune.federation.private_settings import PrivateTrainingSettings, VariantSettings
from privatune.models.settings import NumericsSettings
from privatune.privacy.accounting import guarantee, mechanism_of
from privatune.privacy.seeds import secret_seed
from privatune.text.streams import limited, read_stream
from privatune.text.tokenizer import read_words

with job(snakemake.log[0]):
    s, seed = snakemake.params.settings, int(snakemake.wildcards.seed)
    training, variant = PrivateTrainingSettings(**s["training"]), VariantSettings(**s["variant"])
    words = read_words(snakemake.input.tokenizer)[: training.vocabulary]
    private, general = (limited(read_stream(snakemake.input[n]), len(words)) for n in ("private", "general"))
    persons = population(private, general, words, training.canaries if variant.carriers else None, seed)
    privacy = variant.privacy
    mechanism = mechanism_of(privacy, len(persons.units), training.cohort, training.rounds)
    secret = secret_seed(Path(s["secrets"]) / f"{snakemake.wildcards.variant}-{seed}") if privacy.secure else seed
    start, about = load_tensors(snakemake.input.model)
    numerics = NumericsSettings(**s["numerics"])
    chosen = (mechanism, training.client, training.optimiser, numerics, seed, secret)
    save_tensors(snakemake.output.model, train_privately(start, persons, general.ids, *chosen), about)
    stated = guarantee(mechanism, privacy.accountant).record() if mechanism.noise_multiplier else None
    write_json(snakemake.output.guarantee, stated)
