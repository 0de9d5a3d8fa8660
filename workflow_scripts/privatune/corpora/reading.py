"""Read one corpus from its source into a cleaned Parquet table and a manifest."""

import logging
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa

from privatune.core.errors import PrivatuneError
from privatune.core.files import sha256, write_json
from privatune.corpora.cleaning import CleaningSettings, clean_general, clean_labelled, clean_private
from privatune.corpora.names import differing_in_case
from privatune.corpora.rows import GeneralRow, LabelledRow, PrivateRow, Shares, Source
from privatune.corpora.tables import GENERAL, LABELLED, PRIVATE, in_batches, word_counts, write_table

log = logging.getLogger(__name__)


@dataclass
class _Counts:
    """Counts of what was read so far: words and documents by part; private and labelled text is the one part `all`."""

    rows: int = 0
    words: Counter[str] = field(default_factory=Counter)
    documents: Counter[str] = field(default_factory=Counter)
    persons: set[str] = field(default_factory=set)
    classes: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)


def read_corpus(
    name: str,
    source: Mapping[str, Any],
    cleaning: CleaningSettings,
    package: str | Path | None,
    table: str | Path,
    manifest: str | Path,
) -> None:
    """Read the source `name` with the settings `source` into `table`, and write its `manifest` (JSON).

    `cleaning` applies to private and labelled text only; `package` is the downloaded wheel, if the source is in one.
    Raises PrivatuneError, and writes neither file, when the source cannot be read or no text is left.
    """
    start = time.perf_counter()
    module = import_module(f"privatune.corpora.sources.{source['kind']}")  # only the module in use is a dependency
    settings: Source = module.SETTINGS(**source)
    schema = {"general": GENERAL, "private": PRIVATE, "labelled": LABELLED}[settings.role]
    counts = _Counts()
    try:
        rows = module.read(settings, package)
        if settings.role == "private":
            persons = (*cleaning.drop_persons, *settings.unwanted())
            cleaning = cleaning.model_copy(update={"drop_persons": persons})
            rows = _count_persons(clean_private(rows, cleaning, counts.dropped, counts.changed), counts)
        elif settings.role == "labelled":
            rows = _count_classes(clean_labelled(rows, cleaning, counts.dropped, counts.changed), counts)
        else:
            rows = _count_documents(clean_general(rows, counts.dropped, counts.changed), counts)
        batches = _count_words(in_batches(rows, schema), counts)
        write_table(table, batches, schema, done=lambda: _refuse_unusable(settings, counts))
    except PrivatuneError as error:
        raise PrivatuneError(f"sources.{name}: {error}") from None
    except Exception as error:  # from None, because an unforeseen error may also quote private text
        place = traceback.extract_tb(error.__traceback__)[-1]
        at = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        raise PrivatuneError(f"sources.{name}: cannot be read ({at}); check the source and its settings") from None
    stated = _manifest(name, settings, counts)
    write_json(manifest, stated, private=settings.role != "general")  # it may name persons and labels
    if alike := stated.get("differing_in_case"):
        shown = "; ".join(", ".join(group) for group in alike[:10]) + ("; ..." if len(alike) > 10 else "")
        log.warning(
            "%s: %d names differ from others in case alone, and are kept apart: %s", name, sum(map(len, alike)), shown
        )
    log.info("%s: %d rows, %d words, %.1f s", name, counts.rows, counts.words.total(), time.perf_counter() - start)


def _count_persons(rows: Iterator[PrivateRow], counts: _Counts) -> Iterator[PrivateRow]:
    for row in rows:
        counts.persons.add(row.person)
        yield row


def _count_classes(rows: Iterator[LabelledRow], counts: _Counts) -> Iterator[LabelledRow]:
    for row in rows:
        counts.classes[row.label] += 1
        yield row


def _count_documents(rows: Iterator[GeneralRow], counts: _Counts) -> Iterator[GeneralRow]:
    before = None
    for row in rows:
        if (row.part, row.document) != before:
            before = (row.part, row.document)
            counts.documents[row.part] += 1
        yield row


def _count_words(batches: Iterator[pa.RecordBatch], counts: _Counts) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        counts.rows += batch.num_rows
        parts = batch["part"] if "part" in batch.schema.names else pa.repeat("all", batch.num_rows)
        words = (
            pa.table({"part": parts, "words": word_counts(batch["text"])})
            .group_by("part")
            .aggregate([("words", "sum")])
        )
        for part, total in zip(words["part"].to_pylist(), words["words_sum"].to_pylist(), strict=True):
            counts.words[part] += total
        yield batch


def _refuse_unusable(settings: Source, counts: _Counts) -> None:
    if not counts.rows:
        rules = ", ".join(f"{rule} {count}" for rule, count in sorted(counts.dropped.items())) or "none"
        raise PrivatuneError(
            f"no text is left of {counts.dropped.total()} rows (rows dropped by each rule: {rules});"
            " check the source, its columns and `cleaning`"
        )
    if settings.role == "labelled" and len(counts.classes) < 2:
        raise PrivatuneError(
            f"all {counts.rows} texts that are left have one and the same label, but two are needed to tell them apart;"
            " name the column of the label in `label_column`, or add texts with another label"
        )
    for part in ("valid", "test"):
        if isinstance(settings, Shares) and getattr(settings, f"{part}_share") and not counts.documents[part]:
            raise PrivatuneError(
                f"{part}_share is less than one document of {counts.documents.total()}; raise it or take more documents"
            )


def _manifest(name: str, settings: Source, counts: _Counts) -> dict[str, Any]:
    stated = settings.model_dump(mode="json")
    manifest = {
        "source": name,
        **{key: stated.pop(key, None) for key in ("kind", "role", "package", "version", "sha256", "licence", "note")},
        "settings": stated,
        "files": {path: sha256(path) for path in settings.inputs()},
        "rows_read": counts.rows + counts.dropped.total(),
        "rows": counts.rows,
        "dropped": dict(counts.dropped),
        "changed": dict(counts.changed),
    }
    if settings.role == "private":
        alike = differing_in_case(counts.persons)
        return manifest | {"persons": len(counts.persons), "differing_in_case": alike, "words": counts.words.total()}
    if settings.role == "labelled":
        alike = differing_in_case(counts.classes)
        return manifest | {"classes": dict(counts.classes), "differing_in_case": alike, "words": counts.words.total()}
    return manifest | {"documents": dict(counts.documents), "words": dict(counts.words)}
