"""Split text into words and words into ids, with one tokenizer.json for every text of an experiment."""

import os
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import NFKC, Lowercase, Replace
from tokenizers.normalizers import Sequence as Normalizers
from tokenizers.pre_tokenizers import Split
from tokenizers.trainers import WordLevelTrainer

from privatune.core.errors import PrivatuneError
from privatune.core.files import JSON, read_sealed, write_sealed
from privatune.text.rows import pieces, read_rows
from privatune.text.settings import MARKS, UNK, TextSettings

# a job uses the cores that its rule asks for, which is one unless the user says otherwise
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# replaced before NFKC, which would decompose some of them
_APOSTROPHES = r"[\x{2018}-\x{201B}\x{2032}\x{02BC}\x{00B4}`]"
_QUOTES = r"[\x{201C}-\x{201F}\x{2033}]"
# invisible characters: controls except white space, joiners, soft hyphens and variation selectors; of these, the
# zero-width space alone separates words, and has become a space before
_INVISIBLE = r"[\p{Cf}\x{00}-\x{08}\x{0E}-\x{1F}\x{7F}\x{FE00}-\x{FE0F}]"
# a word is a run of letters with inner apostrophes, a run of digits, or any other single character
_WORD = r"[\p{L}\p{M}]+(?:'[\p{L}\p{M}]+)*|\p{N}+|\S"


def splitter(settings: TextSettings) -> Tokenizer:
    """A tokeniser with an empty vocabulary, which normalises and splits text.

    >>> text = splitter(TextSettings())
    >>> [word for word, _ in text.pre_tokenizer.pre_tokenize_str(text.normalizer.normalize_str("Don’t – 3rd :)"))]
    ["don't", '–', '3', 'rd', ':', ')']
    """
    tokenizer = Tokenizer(WordLevel({}, unk_token=MARKS[UNK]))
    steps = [
        Replace("\u200b", " "),
        Replace(Regex(_INVISIBLE), ""),
        Replace(Regex(_APOSTROPHES), "'"),
        Replace(Regex(_QUOTES), '"'),
        NFKC(),
    ]
    tokenizer.normalizer = Normalizers([*steps, Lowercase()] if settings.lowercase else steps)
    tokenizer.pre_tokenizer = Split(Regex(_WORD), "removed", invert=True)
    return tokenizer


def train_tokenizer(texts: Iterable[str], settings: TextSettings) -> Tokenizer:
    """A tokeniser with `<unk>` = 0, `<eos>` = 1 and the most frequent words of `texts`; ties are in code point order.

    Memory is about 100 bytes per distinct word, whatever the length of the texts. Raises PrivatuneError naming
    `text.vocabulary` when the texts have too few distinct words.
    """
    counted = splitter(settings)
    trainer = WordLevelTrainer(vocab_size=settings.vocabulary, special_tokens=list(MARKS), show_progress=False)
    counted.train_from_iterator(texts, trainer)
    found = counted.get_vocab_size()
    if found < settings.vocabulary:
        raise PrivatuneError(
            f"text.vocabulary: {settings.vocabulary} is set, but the general training text has {found - len(MARKS)} "
            f"different words; set it to at most {found}, or add text to `general.corpora`"
        )
    # a new tokeniser, because the trained one would find the marks in text where somebody wrote "<eos>"
    tokenizer = splitter(settings)
    tokenizer.model = WordLevel(counted.get_vocab(), unk_token=MARKS[UNK])
    return tokenizer


def build_tokenizer(tables: Sequence[str | Path], settings: TextSettings, path: str | Path) -> None:
    """Train a tokeniser on the training part of the general `tables` and write it to `path`.

    Raises the errors of `train_tokenizer`.
    """
    texts = chain.from_iterable(pieces(text) for table in tables for _, text in read_rows(table, "train"))
    save_tokenizer(train_tokenizer(texts, settings), path)


def save_tokenizer(tokenizer: Tokenizer, path: str | Path) -> None:
    """Atomically write a tokenizer.json with a checksum; without the first line it is one as tokenizers writes it."""
    write_sealed(path, JSON, tokenizer.to_str(pretty=True).removeprefix("{\n").encode())


def load_tokenizer(path: str | Path) -> Tokenizer:
    """Read a tokenizer.json that `save_tokenizer` wrote; raises PrivatuneError if it is missing or damaged."""
    return Tokenizer.from_str("{" + read_sealed(path, JSON).decode())  # tokenizers refuses the checksum's key


def words_of(tokenizer: Tokenizer) -> list[str]:
    """All words in the order of their ids, starting with `<unk>` and `<eos>`."""
    return sorted(vocabulary := tokenizer.get_vocab(), key=vocabulary.__getitem__)


def read_words(path: str | Path) -> list[str]:
    """The words of a tokenizer.json in the order of their ids; errors as `load_tokenizer`."""
    return words_of(load_tokenizer(path))
