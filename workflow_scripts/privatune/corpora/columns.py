"""Turn records with named columns (from files or Hugging Face datasets) into rows."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from pydantic import Field

from privatune.core.errors import PrivatuneError
from privatune.corpora.names import clean_name, person_or_document
from privatune.corpora.rows import LONGEST, GeneralRow, LabelledRow, PrivateRow, Role, Rows, Shares, Source, part_of
from privatune.corpora.times import utc

_LONGEST_LABEL, _MOST_LABELS = 100, 1000
_PART = {"train": "train", "valid": "valid", "validation": "valid", "test": "test"}


class ColumnSource(Source, Shares):
    """The columns of your own text. The shares and the document and part columns apply to general text only."""

    role: Role = Field(
        description="general: public text for pretraining; private: texts by person; labelled: sentences with labels"
    )
    text_column: str = Field("text", description="column of the text: a message, or a document whose lines become rows")
    person_column: str = Field("person", description="private: column that says whose text it is")
    missing_persons: Literal["refuse", "drop"] = Field(
        "refuse",
        description="private: rows whose person is missing (null, NaN, blank, `\\N`, NULL, None) or is no name, such "
        "as 7.5; refuse: the run stops; drop: they are left out and counted",
    )
    time_column: str | None = Field(
        "time",
        description="private: column with the time of writing; null: the rows are already in the order of writing",
    )
    time_format: str | tuple[str, ...] | None = Field(
        None,
        description="strptime format of the times, such as `%a %b %d %H:%M:%S %z %Y`, or a list of formats, of which "
        "the first that fits is used; null: ISO 8601, RFC 2822, dates of digits such as 20200131, or Unix time",
    )
    time_unit: Literal["s", "ms", "us", "ns"] = Field("s", description="unit of Unix times")
    document_column: str | None = Field(
        None,
        description="general: column that names the document, with consecutive rows; null: each row is a document",
    )
    part_column: str | None = Field(
        None,
        description="general: column that holds train, valid or test; null: valid_share and test_share decide",
    )
    label_column: str = Field("label", description="labelled: column with the label, which is text or a whole number")
    max_rows: int | None = Field(
        None, ge=1, description="records to read from the start, of each split if there are several; null: all"
    )

    def columns(self) -> list[str]:
        """The names of the columns to read."""
        others: dict[Role, list[str | None]] = {
            "private": [self.person_column, self.time_column],
            "general": [self.document_column, self.part_column],
            "labelled": [self.label_column],
        }
        return [self.text_column, *filter(None, others[self.role])]


class Record(NamedTuple):
    """Values by column, with the place they come from ("chat.csv line", 7) and the part that the place implies."""

    place: str
    number: int
    values: Mapping[str, Any]
    part: str = "train"


def rows(records: Iterable[Record], settings: ColumnSource) -> Rows:
    """Yield rows of the settings' role; a PrivatuneError names the place and the column, but never a value."""
    return _READERS[settings.role](records, settings)


def _private(records: Iterable[Record], settings: ColumnSource) -> Iterator[PrivateRow]:
    for record in records:
        person = person_or_document(_value(record, "person_column", settings.person_column))
        if person is None:
            if settings.missing_persons == "refuse":
                remedy = "correct it, set `person_column`, or leave such rows out with `missing_persons: drop`"
                raise _wrong(record, settings.person_column, "missing or not a name", remedy)
            yield PrivateRow("", None, "")  # the cleaning drops and counts it
            continue
        time = None
        if settings.time_column:
            value = _value(record, "time_column", settings.time_column)
            try:
                time = utc(value, settings.time_format, settings.time_unit)
            except (ValueError, TypeError, OverflowError):  # from None, because the cause quotes the value
                raise _wrong(
                    record,
                    settings.time_column,
                    "not a time",
                    "set `time_format` or `time_unit`, or use `time_column: null`",
                ) from None
        yield PrivateRow(person, time, _text(record, settings))


def _general(records: Iterable[Record], settings: ColumnSource) -> Iterator[GeneralRow]:
    index, before = -1, None
    for record in records:
        document = None
        if settings.document_column:
            document = person_or_document(_value(record, "document_column", settings.document_column))
            if document is None:
                remedy = "correct it or set `document_column`"
                raise _wrong(record, settings.document_column, "missing or not a name", remedy)
        if document is None or document != before:
            index, before = index + 1, document
        if settings.part_column:
            part = _PART.get(_name(record, "part_column", settings.part_column), "")
            if not part:
                raise _wrong(
                    record, settings.part_column, "none of train, valid and test", "correct it or set `part_column`"
                )
        else:
            part = part_of(index, settings) if record.part == "train" else record.part
        for line in _text(record, settings).splitlines():
            yield GeneralRow(str(index) if document is None else document, part, line)


def _labelled(records: Iterable[Record], settings: ColumnSource) -> Iterator[LabelledRow]:
    column = settings.label_column
    seen = set()
    for record in records:
        label = _name(record, "label_column", column)
        if isinstance(record.values[column], float) or not label or len(label) > _LONGEST_LABEL:
            what = f"no label (text of up to {_LONGEST_LABEL} characters, or a whole number)"
            raise _wrong(record, column, what, "correct it or set `label_column`")
        seen.add(label)
        if len(seen) > _MOST_LABELS:  # labels are counted in the manifest, where no text of a person may come
            what = f"the place of more than {_MOST_LABELS} different labels"
            raise _wrong(record, column, what, "name the column of the label in `label_column`")
        yield LabelledRow(label, _text(record, settings))


_READERS: dict[Role, Callable[[Iterable[Record], ColumnSource], Rows]] = {
    "private": _private,
    "general": _general,
    "labelled": _labelled,
}


def _value(record: Record, key: str, column: str) -> Any:
    try:
        return record.values[column]
    except KeyError:  # existing columns are not listed, since in a file without a header they would be private text
        raise PrivatuneError(
            f"{record.place} {record.number}: no column `{column}`; name the right one in `{key}`"
        ) from None


def _name(record: Record, key: str, column: str) -> str:
    value = _value(record, key, column)
    if value is None or value == "" or isinstance(value, (bytes, list, dict)):
        raise _wrong(record, column, "empty or not a name", f"correct it or set `{key}`")
    return clean_name(str(value))


def _text(record: Record, settings: ColumnSource) -> str:
    text = _value(record, "text_column", settings.text_column)
    if text is None:
        return ""
    if not isinstance(text, str):
        raise _wrong(record, settings.text_column, "not text", "correct it or set `text_column`")
    if len(text) > LONGEST:
        raise _wrong(
            record, settings.text_column, f"longer than {LONGEST >> 20} Mi characters", "split it into several"
        )
    return text


def _wrong(record: Record, column: str, what: str, remedy: str) -> PrivatuneError:
    return PrivatuneError(f"{record.place} {record.number}: column `{column}` is {what}; {remedy}")
