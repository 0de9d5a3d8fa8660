"""The texts of the attack on attributes: messages of a few persons, in the form of the file of labelled sentences."""

from collections import defaultdict
from pathlib import Path

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream_key
from privatune.core.tensors import save_tensors
from privatune.corpora.tables import read_batches
from privatune.systems.split.settings import AttributeSettings
from privatune.text.sentences import PARTS
from privatune.text.tokenizer import load_tokenizer


def encode_messages(
    corpus: str | Path,
    tokenizer: str | Path,
    settings: AttributeSettings,
    seed: int,
    messages: str | Path,
    known: str | Path,
) -> None:
    """Tokenise messages of the persons who wrote the most, half of them for the customer and half for the attacker.

    A hash of `seed` and the message decides which messages are taken, and which of them the attacker knows. Both files
    are private and have the arrays of `text.sentences.Sentences`; a label is a person's place in the order of the
    persons' names, which are not written.

    Args:
        corpus: the table of a source of private text.
        tokenizer: the encoder's tokenizer.json.
        settings, seed: which persons and how many messages.
        messages, known: the files to write: those that the customer sends, and those that the attacker knows.

    Raises:
        PrivatuneError: there are fewer persons with enough messages.
    """
    written: dict[str, dict[str, None]] = defaultdict(dict)  # a message that is written twice counts once
    for batch in read_batches(corpus, ["person", "text"]):
        for person, text in zip(batch["person"].to_pylist(), batch["text"].to_pylist(), strict=True):
            if len(text.split()) >= settings.min_words:
                written[person][text] = None
    able = sorted(
        (person for person in written if len(written[person]) >= settings.messages),
        key=lambda person: (-len(written[person]), person),
    )
    if len(able) < settings.persons:
        raise PrivatuneError(
            f"split.attribute: {len(able)} persons of {settings.source} have {settings.messages} messages of "
            f"{settings.min_words} words, fewer than {settings.persons}; lower `persons` or `messages`"
        )
    loaded = load_tokenizer(tokenizer)
    loaded.no_padding()
    loaded.enable_truncation(settings.max_tokens)
    half = settings.messages // 2
    for path, part in ((messages, slice(0, half)), (known, slice(half, settings.messages))):
        rows = [
            (label, text)
            for label, person in enumerate(sorted(able[: settings.persons]))
            for text in _ordered(written[person], seed)[part]
        ]
        encoded = [encoding.ids for encoding in loaded.encode_batch([text for _, text in rows])]
        arrays = {
            "ids": np.concatenate([np.array(ids, np.uint32) for ids in encoded]),
            "offsets": np.cumsum([0, *map(len, encoded)], dtype=np.int64),
            "labels": np.array([label for label, _ in rows], np.int64),
            "part": np.full(len(rows), PARTS.index("test"), np.uint8),
            "phrase_ids": np.empty(0, np.uint32),
            "phrase_offsets": np.zeros(1, np.int64),
        }
        classes = [str(label) for label in range(settings.persons)]
        n = {part: [half if part == "test" else 0] * settings.persons for part in PARTS}
        save_tensors(path, arrays, {"classes": classes, "n": n}, private=True)


def _ordered(texts: dict[str, None], seed: int) -> list[str]:
    return sorted(texts, key=lambda text: stream_key(seed, "place of a message", text))
