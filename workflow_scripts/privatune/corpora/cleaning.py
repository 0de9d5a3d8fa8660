"""Clean rows and count what each rule drops or changes."""

import re
from collections import Counter
from collections.abc import Iterator

from pydantic import Field

from privatune.core.settings import Settings
from privatune.corpora.names import clean_name
from privatune.corpora.rows import GeneralRow, LabelledRow, PrivateRow

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")  # lone surrogates are not text either
_BLANK = re.compile(f"(?:{_CONTROL.pattern}|\u200b)+")  # the zero-width space separates words too
_WORD = re.compile(r"\w+")
# Each pattern also takes what is no address, as a whole, so that what was searched once is not searched again from its
# next character, and the time grows with the length of the text alone. `address` is what is masked.
_EMAIL = re.compile(r"[\w.+-]+(?P<address>@[\w-]+(?:\.[\w-]+)+)?")
_LINK, _DOMAIN = r"\b(?:https?://|www\.)\S", r"\.(?:com|org|net|edu|gov|io|co)\b"
_URL_HINT = re.compile(f"{_LINK}|{_DOMAIN}", re.IGNORECASE)
_URL = re.compile(
    rf"(?P<address>{_LINK}+|\b[\w-]+(?:\.[\w-]+)*{_DOMAIN}(?:/\S*)?)"
    rf"|\b(?:(?!{_LINK})(?:[\w-]|\.(?=[\w-])))+",
    re.IGNORECASE,
)


class CleaningSettings(Settings):
    """Rules for private and labelled text.

    Empty texts are always dropped. Control characters and zero-width spaces become spaces.
    """

    drop_persons: tuple[str, ...] = Field(
        (),
        description="persons to leave out, named as in the corpus (the case of letters counts), in addition to those "
        "that its source names",
    )
    max_repeats: int | None = Field(
        2,
        ge=1,
        description="maximum number of times that a word may occur in a row; texts with more are dropped; null: any",
    )
    max_line_chars: int | None = Field(
        10_000, ge=1, description="maximum number of characters of a text; a longer text is dropped; null: no limit"
    )
    mask_emails: bool = Field(True, description="replace each e-mail address with the word `email`")
    mask_urls: bool = Field(True, description="replace each web address with the word `url`")


def clean_private(
    rows: Iterator[PrivateRow], settings: CleaningSettings, dropped: Counter[str], changed: Counter[str]
) -> Iterator[PrivateRow]:
    """Yield the rows that are kept; count the rows dropped by each rule, the masked addresses and the altered rows.

    >>> dropped, changed = Counter(), Counter()
    >>> rows = [PrivateRow("ann", None, "see www.x.org, ann@x.org"), PrivateRow("ann", None, "no No, no")]
    >>> [row.text for row in clean_private(iter(rows), CleaningSettings(), dropped, changed)]
    ['see url email']
    >>> dict(dropped)
    {'max_repeats': 1}
    """
    persons = frozenset(map(clean_name, settings.drop_persons))
    longest = settings.max_line_chars
    for person, time, text in rows:
        text, person = _without_control(text, changed), clean_name(person)
        if not person:
            dropped["missing_persons"] += 1
        elif person in persons:
            dropped["drop_persons"] += 1
        elif not text:
            dropped["empty"] += 1
        elif longest is not None and len(text) > longest:
            dropped["max_line_chars"] += 1
        elif settings.max_repeats is not None and _repeats(text) > settings.max_repeats:
            dropped["max_repeats"] += 1
        else:
            yield PrivateRow(person, time, _masked(text, settings, changed))


def clean_labelled(
    rows: Iterator[LabelledRow], settings: CleaningSettings, dropped: Counter[str], changed: Counter[str]
) -> Iterator[LabelledRow]:
    """Yield every text once, with its label; count what is dropped, and the masked addresses and altered rows.

    Runs of white space become one space. Copies of a text are dropped as `duplicates` but for the first; all copies of
    a text are dropped as `contradictions` if they have several labels, since nothing says which one is right. Whether a
    text has such a copy is known at the end only, so all texts are in memory.

    >>> dropped, changed = Counter(), Counter()
    >>> rows = [LabelledRow("b", "a film"), LabelledRow("b", "a  film"), LabelledRow("a", "ok"), LabelledRow("b", "ok")]
    >>> list(clean_labelled(iter(rows), CleaningSettings(), dropped, changed))
    [LabelledRow(label='b', text='a film')]
    >>> dict(dropped)
    {'duplicates': 1, 'contradictions': 2}
    """
    longest = settings.max_line_chars
    labels: dict[str, str | None] = {}  # by text, in the order of the first copies; None: labels that contradict
    copies: Counter[str] = Counter()
    for label, text in rows:
        text = " ".join(_without_control(text, changed).split())
        if not text:
            dropped["empty"] += 1
        elif longest is not None and len(text) > longest:
            dropped["max_line_chars"] += 1
        else:
            text = _masked(text, settings, changed)
            label = clean_name(label)
            copies[text] += 1
            if labels.setdefault(text, label) != label:
                labels[text] = None
    for text, label_or_none in labels.items():
        if label_or_none is None:
            dropped["contradictions"] += copies[text]
        else:
            dropped["duplicates"] += copies[text] - 1
            yield LabelledRow(label_or_none, text)


def clean_general(rows: Iterator[GeneralRow], dropped: Counter[str], changed: Counter[str]) -> Iterator[GeneralRow]:
    """Yield the rows that have text, without control characters; public text needs no other cleaning."""
    for document, part, text in rows:
        text = _without_control(text, changed, _CONTROL)
        if text:
            yield GeneralRow(clean_name(document), part, text)
        else:
            dropped["empty"] += 1


def _masked(text: str, settings: CleaningSettings, changed: Counter[str]) -> str:
    if settings.mask_emails and "@" in text:
        text = _replaced(_EMAIL, "email", text, changed, "mask_emails")
    if settings.mask_urls and ("." in text or "://" in text):
        changed["mask_urls"] += 0  # the manifest also shows a rule that found nothing
        if _URL_HINT.search(text):
            text = _replaced(_URL, "url", text, changed, "mask_urls")
    return text


def _replaced(pattern: re.Pattern[str], word: str, text: str, changed: Counter[str], rule: str) -> str:
    def masked(found: re.Match[str]) -> str:
        changed[rule] += (address := found["address"] is not None)
        return word if address else found[0]

    return pattern.sub(masked, text)


def _repeats(text: str) -> int:
    """The longest run of one repeated word.

    >>> _repeats("ha, Ha! ha well ha")
    3
    """
    most = run = 0
    before = None
    for word in _WORD.findall(text.lower()):
        run = run + 1 if word == before else 1
        most = max(most, run)
        before = word
    return most


def _without_control(text: str, changed: Counter[str], pattern: re.Pattern[str] = _BLANK) -> str:
    text = text.strip()
    if not text.isprintable() and pattern.search(text):
        changed["control_characters"] += 1
        text = pattern.sub(" ", text).strip()
    return text
