"""What the jobs of one private training share: who contributes, under which mechanism, with which secret."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json
from privatune.federation.population import population
from privatune.federation.private import Contribution, fine_tuning
from privatune.federation.private_settings import PrivateJobSettings
from privatune.privacy.mechanism import Mechanism, mechanism_from, mechanism_record
from privatune.privacy.seeds import release_name, secret_seed
from privatune.text.streams import limited, read_stream
from privatune.text.tokenizer import read_words


class PrivateRun(NamedTuple):
    """See privatune.federation.private for each."""

    contribution: Contribution
    mechanism: Mechanism
    secret: int


def private_run(
    private: str | Path,
    general: str | Path,
    tokenizer: str | Path,
    terms: str | Path,
    others: Sequence[str | Path],
    settings: PrivateJobSettings,
    seed: int,
) -> PrivateRun:
    """Read what a private training starts from.

    Args:
        private, general: streams of training text.
        tokenizer: the vocabulary.
        terms: the mechanism, as it was stated before the training.
        others: all else that the trained model follows from, code included.
        settings: see there.
        seed: of the replicate.

    Raises:
        PrivatuneError: the terms are about another population, or a file is damaged.
    """
    words = read_words(tokenizer)[: settings.vocabulary]
    persons, public = (limited(read_stream(path), len(words)) for path in (private, general))
    everyone = population(persons, public, words, settings.canaries, seed)
    mechanism = mechanism_from(read_json(terms)["mechanism"])
    stated, there = (mechanism.population, mechanism.everyone), (len(persons.units), len(everyone.units))
    if stated != there:
        raise PrivatuneError(
            f"{terms}: stated for {stated[0]} persons, {stated[1]} with carriers, but there are {there[0]} and "
            f"{there[1]}; delete it"
        )
    contribution = fine_tuning(everyone, public.ids, settings.client, settings.numerics, seed)
    if settings.secrets is None:
        return PrivateRun(contribution, mechanism, seed)
    name = release_name([private, general, tokenizer, *others], decisive(mechanism, settings, seed))
    return PrivateRun(contribution, mechanism, secret_seed(Path(settings.secrets) / name))


def decisive(mechanism: Mechanism, settings: PrivateJobSettings, seed: int) -> dict[str, Any]:
    """All values that a training's updates and their noise follow from, and no other.

    With another delta or another accountant, or cut into other slots, it is the same release and must keep its seed:
    under fresh noise the same updates would be released twice.
    """
    about = {name: value for name, value in mechanism_record(mechanism).items() if name != "delta"}
    return settings.model_dump(mode="json", exclude={"secrets", "slots"}) | {"mechanism": about, "seed": seed}
