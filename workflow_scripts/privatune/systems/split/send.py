"""What leaves the customer: states that are privatised once and written to a file, without tokens and text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from privatune.core.files import write_json
from privatune.core.tensors import map_tensors, save_tensors
from privatune.privacy.metric import guarantee
from privatune.systems.split.embeddings import Embeddings, entering
from privatune.systems.split.noise import etas, level_of, noised, replaced, usefulness
from privatune.systems.split.settings import NONE, SendSettings
from privatune.systems.split.states import as_bits, as_float, read_distance
from privatune.text.sentences import Sentences, read_sentences


class Customer(NamedTuple):
    """The customer's files: tokens and states of the sentences and of the messages."""

    tokens: str | Path
    states: str | Path
    messages: str | Path
    message_states: str | Path


def send_states(
    customer: Customer,
    public: str | Path,
    distance: str | Path,
    embeddings: Embeddings,
    settings: SendSettings,
    sent: Sequence[str | Path],
    messages: Sequence[str | Path],
    terms: str | Path,
) -> None:
    """Privatise the sentences and the messages under each seed, and say what that guarantees.

    Args:
        customer: the customer's files.
        public: tokens of public sentences, which importance `public` counts.
        distance: median distance from a token to the nearest other one.
        embeddings: those of the encoder; at an embedding split, those of the replaced tokens are sent.
        settings: the cut, the noise and the importance.
        sent, messages: files to write, one per seed: states, offsets, labels and part of the sentences; states and
            offsets of the messages.
        terms: file to write: the terms of the privatisation.
    """
    read, chats = read_sentences(customer.tokens), read_sentences(customer.messages)
    level = level_of(settings.noise, *read_distance(distance))
    useful = None
    if settings.importance != NONE:
        own = settings.importance == "cti"
        useful = usefulness(read if own else read_sentences(public), "train" if own else None, embeddings.size)
    labelled = settings.importance == "cti"
    eta = etas(read, level.eta, useful, labelled)
    eta_of_messages = etas(chats, level.eta, useful, False)
    states, of_messages = (
        as_float(map_tensors(path)[0]["states"]) for path in (customer.states, customer.message_states)
    )
    about = {"cut": settings.cut, "eta": level.eta, "importance": settings.importance}
    for seed, path, message_path in zip(settings.seeds, sent, messages, strict=True):
        bits = _sent(read, states, eta, embeddings, settings, seed, "sentences")
        arrays = {"states": bits, "offsets": read.offsets, "labels": read.labels, "part": read.part}
        save_tensors(path, arrays, about | {"classes": read.classes, "n": read.n}, private=True)
        bits = _sent(chats, of_messages, eta_of_messages, embeddings, settings, seed, "messages")
        save_tensors(message_path, {"states": bits, "offsets": chats.offsets}, about, private=True)
    write_json(terms, _terms(settings, level._asdict(), eta, read.offsets))


def _sent(
    read: Sentences,
    states: np.ndarray,
    eta: np.ndarray,
    embeddings: Embeddings,
    settings: SendSettings,
    seed: int,
    *keys: str,
) -> np.ndarray:
    """[tokens, hidden] the states that are sent, bits of bfloat16 in uint16."""
    noisy = noised(states, eta, seed, "customer", *keys)
    if settings.cut:
        return as_bits(noisy)
    ids = replaced(embeddings.table, read.ids, noisy, eta, settings.numerics)
    return as_bits(entering(embeddings, ids, read.offsets))


def _terms(
    settings: SendSettings, level: dict[str, float | None], eta: np.ndarray, offsets: np.ndarray
) -> dict[str, Any]:
    counted = settings.importance == "cti"
    kind, reason = guarantee(eta, offsets, settings.cut, counted)
    about = {"cut": settings.cut, "noise": settings.noise, "importance": settings.importance, "cti": counted}
    return about | level | {"guarantee": kind, "reason": reason}
