"""The attacker: it reads what was sent, public text and the encoder, and writes what it guesses."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from privatune.attacks.attributes import attribute_guesses, means
from privatune.attacks.inversion.attack import Public, Sent, guess
from privatune.core.files import write_json
from privatune.core.streams import stream
from privatune.core.tensors import Arrays, map_tensors, save_tensors
from privatune.models.checkpoint import use
from privatune.privacy.metric import of_text
from privatune.systems.split.embeddings import Embeddings, decoded, entering
from privatune.systems.split.noise import etas, level_of, noised, replaced, usefulness
from privatune.systems.split.settings import NONE, AttackerSettings, SendSettings
from privatune.systems.split.states import as_float, read_distance
from privatune.text.sentences import PARTS, Sentences, read_sentences
from privatune.text.tokenizer import load_tokenizer

ATTACKED = ("test", "validation")  # parts of which sentences are attacked, in this order


class Attacker(NamedTuple):
    """The attacker's own files: public sentences and messages of known persons, their states, and the distance."""

    public: str | Path
    public_states: str | Path
    known: str | Path
    known_states: str | Path
    distance: str | Path
    tokenizer: str | Path


def guess_sent(
    sent: Sequence[str | Path],
    messages: Sequence[str | Path],
    attacker: Attacker,
    embeddings: Embeddings,
    settings: AttackerSettings,
    guesses: str | Path,
    examples: str | Path,
) -> None:
    """Guess tokens of sentences and persons of messages, by every attack and under every seed.

    Args:
        sent, messages: files of sent states, one per seed.
        attacker: what the attacker has besides.
        embeddings: those of the encoder, which attackers know.
        settings: which attacks, and how the states were sent.
        guesses: file to write. Per seed: which `sentences` were attacked, the guesses [tokens, 5] of each attack for
            the tokens of these sentences one after the other, and a person for each message as `attribute`.
        examples: file to write: some public sentences, and what each attack takes their states for.
    """
    use(settings.sending.numerics)
    read, known = read_sentences(attacker.public), read_sentences(attacker.known)
    found: Arrays = {}
    shown: list[dict[str, Any]] = []
    sending = settings.sending
    clean = as_float(map_tensors(attacker.public_states)[0]["states"])
    for seed, path, message_path in zip(sending.seeds, sent, messages, strict=True):
        states, _ = _as_sent(read, attacker.public_states, read, attacker.distance, embeddings, sending, seed)
        kept, victims = _apart(read, states, clean, settings.examples, embeddings.table)
        arrays = map_tensors(path)[0]
        chosen = _attacked(arrays["part"], settings.attacked, seed)
        states, offsets = _gathered(arrays["states"], arrays["offsets"], chosen)
        if not sending.cut:  # what is sent is as good as the replaced tokens
            states = embeddings.table[decoded(embeddings, states, offsets)]
        both = Sent(np.concatenate([states, victims.states]), np.append(offsets, offsets[-1] + victims.offsets[1:]))
        found[f"{seed}-sentences"] = chosen
        for attack in settings.attacks:
            guessed = guess(attack, both, kept, settings.inversion, seed)
            found[f"{seed}-{attack}"] = guessed[: len(states)].astype(np.uint32)
            if seed == sending.seeds[0]:
                ids = read.ids[len(kept.ids) :]
                shown += _examples(sending, attack, guessed[len(states) :, 0], ids, victims.offsets, attacker)
        states, ids = _as_sent(known, attacker.known_states, read, attacker.distance, embeddings, sending, seed)
        if not sending.cut:
            states = entering(embeddings, ids, known.offsets)
        arrays = map_tensors(message_path)[0]
        targets = means(as_float(arrays["states"]), arrays["offsets"])
        found[f"{seed}-attribute"] = attribute_guesses(means(states, known.offsets), known.labels, targets)
    about = settings.sending.model_dump(mode="json", include={"cut", "noise", "importance", "seeds"})
    save_tensors(guesses, found, about | {"attacks": settings.attacks}, private=True)
    write_json(examples, shown)


def _attacked(part: np.ndarray, count: int, seed: int) -> np.ndarray:
    """[attacked] int64: which sentences are attacked under a seed, by part, the same for every cut and noise."""
    drawn = []
    for name in ATTACKED:
        rows = np.flatnonzero(part == PARTS.index(name))
        drawn.append(stream(seed, "attacked sentences", name).permutation(rows)[:count])
    return np.concatenate(drawn).astype(np.int64)


def _as_sent(
    own: Sentences,
    states: str | Path,
    public: Sentences,
    distance: str | Path,
    embeddings: Embeddings,
    sending: SendSettings,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Noise the attacker's own text as the customer does; return its states and its tokens, replaced if need be.

    The attacker does not know the customer's counts, on which the importance `cti` rests, and takes those of public
    text. At an embedding split the states are those of the replaced tokens, without their places.
    """
    eta = level_of(sending.noise, *read_distance(distance)).eta
    useful = None
    if sending.importance != NONE and eta is not None:
        useful = usefulness(public, None, embeddings.size)
    each = etas(own, eta, useful, False)
    noisy = noised(as_float(map_tensors(states)[0]["states"]), each, seed, "attacker", Path(states).stem)
    if sending.cut:
        return noisy, own.ids
    ids = replaced(embeddings.table, own.ids, noisy, each, sending.numerics).astype(np.int64)
    return embeddings.table[ids], ids


def _gathered(bits: np.ndarray, offsets: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sent states of some sentences, and their offsets."""
    places = [np.arange(offsets[i], offsets[i + 1]) for i in chosen]
    return as_float(bits[np.concatenate(places)]), np.cumsum([0, *map(len, places)], dtype=np.int64)


def _apart(
    read: Sentences, states: np.ndarray, clean: np.ndarray, examples: int, table: np.ndarray
) -> tuple[Public, Sent]:
    """Keep the last public sentences apart: attackers learn from the others, and attack these to be shown."""
    first = read.offsets[-1 - examples]
    learnt = Public(
        states[:first], read.offsets[: len(read.offsets) - examples], read.ids[:first], table, clean[:first]
    )
    return learnt, Sent(states[first:], read.offsets[-1 - examples :] - first)


def _examples(
    sending: SendSettings, attack: str, guessed: np.ndarray, ids: np.ndarray, offsets: np.ndarray, attacker: Attacker
) -> list[dict[str, Any]]:
    """What an attack makes of the public sentences that are shown."""
    tokenizer, text = load_tokenizer(attacker.tokenizer), of_text(offsets)
    rows = []
    for number, (start, stop) in enumerate(pairwise(offsets)):
        own = np.arange(start, stop)[text[start:stop]]
        rows.append(
            {
                **{"cut": sending.cut, "noise": sending.noise, "importance": sending.importance},
                **{"sentence": number, "attack": attack},
                "text": tokenizer.decode(ids[own].tolist()),
                "recovered": tokenizer.decode(guessed[own].tolist()),
                "share": float((ids[own] == guessed[own]).mean()) if len(own) else 0.0,
            }
        )
    return rows
