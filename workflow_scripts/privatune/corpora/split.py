"""Split private text into training and held-out persons, and each training person's text into older and newer."""

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from privatune.core.errors import PrivatuneError
from privatune.core.files import scratch, write_json
from privatune.core.settings import Section
from privatune.corpora.rows import known_sources

if TYPE_CHECKING:  # the Snakefile imports this module for its settings, so functions import numpy and pyarrow
    import numpy as np
    import pyarrow as pa

log = logging.getLogger(__name__)
_BUCKET_WORDS = 3_000_000  # words of text that are sorted in memory at a time: about 100 MB with the copies


class PrivateSettings(Section):
    """Whose private text is used, and how much of it."""

    corpus: str = Field("chitchat", description="entry of `sources:` with the private text")
    min_words: int = Field(1000, ge=1, description="minimum number of words that a person must have to take part")
    max_words: int = Field(
        8000,
        ge=1,
        description="maximum number of words used from each person, newest first; a single message "
        "longer than that is left out",
    )
    max_persons: int | None = Field(
        None,
        ge=2,
        description="maximum number of persons: those whose names have the smallest hashes under `seed`; null: all. An "
        "added person can take the place of another",
    )
    heldout_share: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="chance that a person is held out from training, for the user test; a hash of `seed` and the "
        "person's name decides, so other persons have no influence",
    )
    later_share: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="share of each training person's used words, the newest ones, that is never trained on",
    )

    @model_validator(mode="after")
    def _cap_above_minimum(self) -> Self:
        if self.max_words < self.min_words:
            raise ValueError("max_words: it must be at least min_words; raise it or lower min_words")
        return self

    def check(self, whole: Any) -> None:
        """Raise ValueError if the corpus is not a source of private text; see `Section.check`."""
        known_sources("private.corpus", [self.corpus], "private", whole.sources)


def split_persons(
    corpus: str | Path, settings: PrivateSettings, seed: int, table: str | Path, counts: str | Path
) -> None:
    """Split the private corpus `corpus` into `table` (person, part, time, text), and write `counts` as JSON.

    Persons are named p0000, p0001, ... in the order of `choose_persons`; part is train, later or heldout. A person's
    rows are ordered by time, then as in the corpus. Memory does not grow with the text: it holds a word count for each
    person and one bucket of text. Raises PrivatuneError as `choose_persons` does.
    """
    from privatune.corpora.tables import CHOSEN, write_table

    words, long_messages = _words_by_person(corpus, settings.max_words)
    numbers, heldout = choose_persons(words, settings, seed)
    tally: Counter[tuple[str, str]] = Counter()
    buckets = 1 + sum(words[person] for person in numbers) // _BUCKET_WORDS
    with scratch(table) as folder:
        paths = _fill_buckets(corpus, numbers, settings.max_words, [folder / str(i) for i in range(buckets)])
        write_table(table, _split_buckets(paths, heldout, settings, tally), CHOSEN)
    parts = ("train", "later", "heldout")
    write_json(
        counts,
        {
            "persons": {"train": len(numbers) - int(heldout.sum()), "heldout": int(heldout.sum())},
            "words": {part: tally["words", part] for part in parts},
            "rows": {part: tally["rows", part] for part in parts},
            "left_out": {
                "persons_below_min_words": sum(count < settings.min_words for count in words.values()),
                "persons_over_max_persons": sum(count >= settings.min_words for count in words.values()) - len(numbers),
                "messages_longer_than_max_words": long_messages,
                "words_over_max_words": tally["words", "over"],
            },
        },
    )
    log.info("the private text has %d persons and %d words", len(numbers), sum(tally["words", part] for part in parts))


def choose_persons(words: dict[str, int], settings: PrivateSettings, seed: int) -> "tuple[dict[str, int], np.ndarray]":
    """Number the persons who have enough text; the array [persons] of bool is true for those held out.

    The part and the place of a person are hashes of `seed` and the person's own name. So an added or removed person
    changes neither another person's part nor the order of the others. `max_persons` takes the first in this order, so
    an added person can push out the last one. The order of `words` does not matter.

    Raises:
        PrivatuneError: fewer than two persons have enough text, or all chosen persons are in the same part.
    """
    import numpy as np

    from privatune.core.streams import stream_key

    enough = [person for person, count in words.items() if count >= settings.min_words]
    if len(enough) < 2:
        raise PrivatuneError(
            f"private.min_words: {len(enough)} of {len(words)} persons of `{settings.corpus}` have {settings.min_words}"
            " words of text, but two are needed (one to train, one held out); lower it or add more text"
        )
    chosen = sorted(enough, key=lambda person: stream_key(seed, "place of a person", person))[: settings.max_persons]
    below = settings.heldout_share * 2**128  # a hash has 128 bits
    held = np.array([stream_key(seed, "part of a person", person) < below for person in chosen])
    if held.all() or not held.any():
        raise PrivatuneError(
            f"private.heldout_share: {'all' if held.any() else 'none'} of the {len(chosen)} persons of "
            f"`{settings.corpus}` are held out with `seed: {seed}`, but at least one must train and one be held out; "
            "change it or `seed`, or add more persons"
        )
    return {person: number for number, person in enumerate(chosen)}, held


def _words_by_person(corpus: str | Path, max_words: int) -> tuple[dict[str, int], int]:
    """Number of words of each person, and number of messages left out because they exceed `max_words`."""
    import numpy as np
    import pyarrow as pa

    from privatune.corpora.tables import read_batches, word_counts

    words: Counter[str] = Counter()
    long_messages = 0
    for batch in read_batches(corpus, ["person", "text"]):
        count = word_counts(batch["text"])
        long_messages += int((count > max_words).sum())
        count = np.where(count > max_words, 0, count)
        sums = pa.table({"person": batch["person"], "words": count}).group_by("person").aggregate([("words", "sum")])
        for person, total in zip(sums["person"].to_pylist(), sums["words_sum"].to_pylist(), strict=True):
            words[person] += total
    return words, long_messages


def _fill_buckets(corpus: str | Path, numbers: dict[str, int], max_words: int, paths: list[Path]) -> list[Path]:
    """Write the rows of the chosen persons to scratch files, one for each range of person numbers."""
    import numpy as np
    import pyarrow as pa

    from privatune.corpora.tables import read_batches, word_counts

    schema = pa.schema(
        [("number", pa.int64()), ("time", pa.timestamp("us", tz="UTC")), ("words", pa.int64()), ("text", pa.string())]
    )
    writers = [pa.ipc.new_stream(path, schema) for path in paths]
    try:
        for batch in read_batches(corpus, ["person", "time", "text"]):
            words = word_counts(batch["text"]).astype(np.int64)
            number = np.fromiter(
                (numbers.get(person, -1) for person in batch["person"].to_pylist()), np.int64, len(words)
            )
            number[words > max_words] = -1
            rows = pa.RecordBatch.from_arrays(
                [pa.array(number), batch["time"], pa.array(words), batch["text"]], schema=schema
            )
            bucket = np.where(number < 0, -1, number * len(paths) // len(numbers))
            for i in np.unique(bucket[bucket >= 0]):
                writers[i].write_batch(rows.filter(pa.array(bucket == i)))
    finally:
        for writer in writers:
            writer.close()
    return paths


def _split_buckets(
    paths: list[Path], heldout: "np.ndarray", settings: PrivateSettings, tally: Counter[tuple[str, str]]
) -> "Iterator[pa.RecordBatch]":
    import numpy as np
    import pyarrow as pa

    from privatune.corpora.tables import CHOSEN

    digits = max(4, len(str(len(heldout) - 1)))
    names = pa.array([f"p{i:0{digits}d}" for i in range(len(heldout))], pa.string())
    for path in paths:
        with pa.ipc.open_stream(path) as rows:
            bucket = rows.read_all()
        bucket = bucket.append_column("row", pa.array(np.arange(bucket.num_rows)))
        bucket = bucket.sort_by([("number", "ascending"), ("time", "ascending"), ("row", "ascending")])
        number, words = bucket["number"].to_numpy(), bucket["words"].to_numpy()
        part = parts(number, words, heldout, settings)
        for name in ("train", "later", "heldout", "over"):
            tally["words", name] += int(words[part == name].sum())
            tally["rows", name] += int((part == name).sum())
        columns: list[Any] = [names.take(pa.array(number)), pa.array(part, pa.string()), bucket["time"], bucket["text"]]
        chosen = pa.table(columns, schema=CHOSEN).filter(pa.array(part != "over"))
        yield from chosen.to_batches(max_chunksize=20_000)


def parts(number: "np.ndarray", words: "np.ndarray", heldout: "np.ndarray", settings: PrivateSettings) -> "np.ndarray":
    """Part of each row [rows]: train, later, heldout, or over where the person's `max_words` are exceeded.

    Rows are sorted by person `number` and then from old to new; `words` [rows] are from 0 to `max_words`.
    """
    import numpy as np

    if not len(number):
        return np.zeros(0, "U7")
    last = np.r_[number[1:] != number[:-1], True]
    total = np.cumsum(words)
    person = np.cumsum(np.r_[0, last[:-1]])
    newest_on = total[last][person] - total + words  # words from this row to the person's newest row, inclusive
    kept = newest_on <= settings.max_words
    used = np.zeros(person[-1] + 1, np.int64)
    np.maximum.at(used, person[kept], newest_on[kept])
    part = np.where(newest_on <= settings.later_share * used[person], "later", "train")
    part = np.where(heldout[number], "heldout", part)
    return np.where(kept, part, "over")
