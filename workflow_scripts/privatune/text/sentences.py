"""Sentences with labels: split into parts by a hash of each text, tokenised for an encoder, and stored as arrays."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json
from privatune.core.streams import stream_key
from privatune.core.tensors import Arrays, map_tensors, save_tensors
from privatune.corpora.tables import read_batches
from privatune.text.sentence_settings import SentencesSettings
from privatune.text.tokenizer import load_tokenizer

PARTS = ("train", "validation", "test")
"""The names of the parts. The index of a name is the part's number."""
_LEAST = len(PARTS)  # a label needs a sentence in every part
_CHARACTERS = 1 << 18  # of one call of the tokeniser, at worst about 100 bytes of memory each
_BITS = 128  # of a hash


@dataclass(frozen=True)
class Sentences:
    """Tokenised sentences of all parts, memory-mapped and read-only; the order is that of a hash of each text."""

    ids: np.ndarray
    """[tokens] uint32, with the marks that the encoder's tokeniser adds to each sentence."""
    offsets: np.ndarray
    """[n + 1] int64: sentence i is `ids[offsets[i] : offsets[i + 1]]`."""
    labels: np.ndarray
    """[n] int64: index of the sentence's label in `classes`."""
    part: np.ndarray
    """[n] uint8: index of the sentence's part in `PARTS`."""
    phrase_ids: np.ndarray
    """[tokens of all phrases] uint32."""
    phrase_offsets: np.ndarray
    """[classes + 1] int64, as `offsets`; [1] if there are no phrases."""
    classes: tuple[str, ...]
    """The labels, in alphabetical order."""
    n: dict[str, list[int]]
    """Number of sentences by part, of each label."""


def encode_sentences(
    name: str,
    source: tuple[str | Path, str | Path],
    tokenizer: str | Path,
    settings: SentencesSettings,
    seed: int,
    encoder: str,
    path: str | Path,
) -> None:
    """Split and tokenise the set of sentences `name`, and write it to `path`, readable by the owner only.

    The header also has the numbers of sentences that were `cut` to `max_tokens` and `left_out` by `shots`, and of the
    `duplicates` and `contradictions` that the reader of the source dropped.

    Args:
        name: the set's name under `sentences:`.
        source: the table of the set's source, and its manifest.
        tokenizer: the encoder's tokenizer.json, as `save_tokenizer` writes it.
        settings, seed: how to split, and the seed of the split.
        encoder: the encoder's name, for the header.
        path: the file to write.

    Raises:
        PrivatuneError: a label has fewer than three sentences or none in one of the parts, the phrases do not fit the
            labels, or a file is damaged. The message names the key and quotes neither a sentence nor a label.
    """
    table, manifest = source
    texts, names = _read(table)
    classes = sorted(set(names))
    labels = np.searchsorted(classes, names)
    at = f"sentences.{name}"
    _check_phrases(at, settings, classes, manifest)
    part = parts_of(texts, settings, seed)
    counts = _counts(part, labels, len(classes))
    _check_counts(at, settings, seed, counts, manifest)
    chosen = choose(texts, labels, part, settings.shots, seed)
    loaded = load_tokenizer(tokenizer)
    loaded.no_padding()  # many a tokenizer.json asks for it
    loaded.enable_truncation(settings.max_tokens)  # with the marks of the encoder, which stay whole
    ids, offsets, cut = _tokenised(loaded, [texts[i] for i in chosen], at)
    phrase_ids, phrase_offsets, _ = _tokenised(
        loaded, [settings.phrases[label] for label in classes if settings.phrases], at
    )
    arrays: Arrays = {
        "ids": ids,
        "offsets": offsets,
        "labels": labels[chosen].astype(np.int64),
        "part": part[chosen],
        "phrase_ids": phrase_ids,
        "phrase_offsets": phrase_offsets,
    }
    kept = _counts(part[chosen], labels[chosen], len(classes))
    dropped = read_json(manifest)["dropped"]
    about = {
        "classes": classes,
        "n": {part: kept[i].tolist() for i, part in enumerate(PARTS)},
        "cut": cut,
        "left_out": len(texts) - len(chosen),
        **{rule: dropped.get(rule, 0) for rule in ("duplicates", "contradictions")},
        "encoder": encoder,
    }
    save_tensors(path, arrays, about, private=True)


def read_sentences(path: str | Path) -> Sentences:
    """Map a file of `encode_sentences` into memory; raises PrivatuneError if it is missing or damaged."""
    arrays, about = map_tensors(path)
    try:
        return Sentences(**arrays, classes=tuple(about["classes"]), n=about["n"])
    except (KeyError, TypeError) as error:
        raise PrivatuneError(f"{path}: not a file of sentences; delete it and run again") from error


def parts_of(texts: Sequence[str], settings: SentencesSettings, seed: int) -> np.ndarray:
    """[n] uint8: the part of each text, as an index of `PARTS`, decided by a hash of `seed` and the text alone."""
    test = settings.test_share * 2**_BITS
    validation = test + settings.validation_share * 2**_BITS
    hashes = (stream_key(seed, "part of a sentence", text) for text in texts)
    return np.array([2 if key < test else 1 if key < validation else 0 for key in hashes], np.uint8)


def choose(texts: Sequence[str], labels: np.ndarray, part: np.ndarray, shots: int | None, seed: int) -> np.ndarray:
    """[kept] int64: indices of the texts to keep, in the order of a hash of `seed` and the text.

    Of the training part, the first `shots` texts of each label are kept, so a larger number adds texts; None keeps all.
    Other parts are kept whole. The order of `texts` does not matter.
    """
    keys = [stream_key(seed, "place of a sentence", text) for text in texts]
    order = np.array(sorted(range(len(texts)), key=keys.__getitem__), np.int64)
    if shots is None:
        return order
    keep = part[order] != 0
    for label in np.unique(labels):
        keep[np.flatnonzero((part[order] == 0) & (labels[order] == label))[:shots]] = True
    return order[keep]


def _read(table: str | Path) -> tuple[list[str], list[str]]:
    texts: list[str] = []
    labels: list[str] = []
    for batch in read_batches(table, ["label", "text"]):
        texts += batch["text"].to_pylist()
        labels += batch["label"].to_pylist()
    return texts, labels


def _counts(part: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """[parts, classes] int64: number of sentences."""
    return np.bincount(part.astype(np.int64) * classes + labels, minlength=len(PARTS) * classes).reshape(-1, classes)


def _check_phrases(at: str, settings: SentencesSettings, classes: Sequence[str], manifest: str | Path) -> None:
    phrases = settings.phrases.keys()
    if unknown := sorted(phrases - set(classes)):
        raise PrivatuneError(
            f"{at}.phrases: {', '.join(unknown)} is no label of {settings.source}; {manifest} lists its labels"
        )
    if phrases and (missing := len(classes) - len(phrases)):
        raise PrivatuneError(
            f"{at}.phrases: {missing} of the {len(classes)} labels of {settings.source} have no phrase; give each label"
            f" in {manifest} a phrase, or none"
        )


def _check_counts(at: str, settings: SentencesSettings, seed: int, counts: np.ndarray, manifest: str | Path) -> None:
    """Refuse labels that cannot be or are not in all parts; `counts` is [parts, classes]."""
    classes = counts.shape[1]
    if few := int((counts.sum(axis=0) < _LEAST).sum()):
        raise PrivatuneError(
            f"{at}.source: {few} of the {classes} labels of {settings.source} have fewer than {_LEAST} different"
            f" sentences, too few for three parts ({manifest} counts them); add sentences, or leave these labels out"
        )
    for part, of_part in zip(PARTS, counts, strict=True):
        if none := int((of_part == 0).sum()):
            remedy = "lower the other shares" if part == "train" else f"raise `{part}_share`"
            raise PrivatuneError(
                f"{at}: {none} of the {classes} labels of {settings.source} have no sentence in the {part} part with"
                f" `seed: {seed}`; {remedy}, change `seed`, or add sentences ({manifest} counts them)"
            )


def _tokenised(tokenizer: Tokenizer, texts: Sequence[str], at: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Return ids [tokens] uint32, offsets [n + 1] int64 and how many texts were cut."""
    pieces, lengths, cut = [np.empty(0, np.uint32)], [0], 0
    for batch in _batches(texts):
        encodings = tokenizer.encode_batch(batch)
        pieces += [np.array(encoding.ids, np.uint32) for encoding in encodings]
        lengths += [len(encoding.ids) for encoding in encodings]
        cut += sum(bool(encoding.overflowing) for encoding in encodings)
    if none := lengths[1:].count(0):
        raise PrivatuneError(f"{at}: the encoder finds no token in {none} texts; leave them out of the source")
    return np.concatenate(pieces), np.cumsum(lengths, dtype=np.int64), cut


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield runs of texts of up to `_CHARACTERS` characters together, or one longer text."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and size + len(text) > _CHARACTERS:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch
