"""Compare what attackers guessed with the private tokens, which only this job and the customer read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from privatune.core.files import write_json
from privatune.core.tensors import map_tensors
from privatune.privacy.metric import of_text
from privatune.text.sentences import PARTS, Sentences, read_sentences

FREQUENT = 100  # the most frequent tokens of public text are counted as function words


class _Truth(NamedTuple):
    """What the guesses are compared with."""

    read: Sentences
    text: np.ndarray  # [tokens] bool, without marks
    function: np.ndarray  # [vocabulary] bool
    first: int  # the most frequent token of public text
    persons: np.ndarray  # [messages]


def score_attacks(
    guesses: Sequence[str | Path],
    tokens: str | Path,
    messages: str | Path,
    public: str | Path,
    path: str | Path,
) -> None:
    """Write the share that each attack recovered, one record per way of sending and seed.

    Args:
        guesses: files of guesses, one per way of sending.
        tokens, messages: the customer's sentences and messages.
        public: the attacker's sentences, whose most frequent tokens are function words.
        path: file to write. Empirical privacy, `ep_...`, is the share that is not recovered of the test part, and
            `validation_ep_...` that of the validation part.
    """
    read, known = read_sentences(tokens), read_sentences(public)
    counts = np.bincount(known.ids[of_text(known.offsets)].astype(np.int64))
    order = np.argsort(-counts, kind="stable")
    function = np.zeros(max(len(counts), int(read.ids.max()) + 1), bool)
    function[order[:FREQUENT]] = True
    persons = np.array(read_sentences(messages).labels)
    truth = _Truth(read, of_text(read.offsets), function, int(order[0]), persons)
    write_json(path, [record for file in guesses for record in _scored(file, truth)])


def _scored(path: str | Path, truth: _Truth) -> list[dict[str, Any]]:
    found, about = map_tensors(path)
    records = []
    for seed in about["seeds"]:
        chosen = found[f"{seed}-sentences"]
        rows = np.concatenate([np.arange(*truth.read.offsets[i : i + 2]) for i in chosen])
        part = np.repeat(truth.read.part[chosen], np.diff(truth.read.offsets)[chosen])
        text, own = truth.text[rows], truth.read.ids[rows].astype(np.int64)
        test, tried = (text & (part == PARTS.index(name)) for name in ("test", "validation"))
        function = truth.function[own]
        record = {
            **{key: about[key] for key in ("cut", "noise", "importance")},
            "seed": seed,
            "tokens": int(test.sum()),
            "messages": len(truth.persons),
            "chance": _share(own == truth.first, test),
            "chance_attribute": float(np.bincount(truth.persons).max() / len(truth.persons)),
        }
        for attack in about["attacks"]:
            guessed = found[f"{seed}-{attack}"].astype(np.int64)
            right = guessed[:, 0] == own
            record |= {
                f"ep_{attack}": _rest(right, test),
                f"validation_ep_{attack}": _rest(right, tried),
                f"top5_{attack}": _share((guessed == own[:, None]).any(1), test),
                f"content_{attack}": _share(right, test & ~function),
                f"function_{attack}": _share(right, test & function),
            }
        named = found[f"{seed}-attribute"] == truth.persons
        records.append(record | {"ep_attribute": 1 - float(named.mean())})
    return records


def _share(right: np.ndarray, rows: np.ndarray) -> float | None:
    """Share of the chosen rows; null if there are none."""
    return float(right[rows].mean()) if rows.any() else None


def _rest(right: np.ndarray, rows: np.ndarray) -> float | None:
    """One minus that share."""
    return None if (found := _share(right, rows)) is None else 1 - found
