import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from privatune.core.errors import PrivatuneError
from privatune.corpora.tables import PRIVATE, in_batches, write_table
from privatune.systems.split.messages import encode_messages
from privatune.systems.split.settings import AttributeSettings
from privatune.text.sentences import read_sentences
from privatune.text.tokenizer import save_tokenizer

WORDS = [f"w{number}" for number in range(400)]
SETTINGS = AttributeSettings(persons=3, messages=8, min_words=2, max_tokens=8)


@pytest.fixture
def files(tmp_path):
    """A corpus of four persons, who wrote 10, 20, 30 and 9 messages of words of their own, and a tokeniser."""

    def rows(counts):
        for person, count in enumerate(counts):
            for number in range(count):
                yield f"person {person}", None, f"w{100 * person + number} again"
            yield f"person {person}", None, "short"
            yield f"person {person}", None, f"w{100 * person} again"

    def made(counts=(10, 20, 30, 9)):
        write_table(tmp_path / "corpus.parquet", in_batches(rows(counts), PRIVATE), PRIVATE)
        tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate([*WORDS, "again", "?"])}, unk_token="?"))
        tokenizer.pre_tokenizer = Whitespace()
        save_tokenizer(tokenizer, tmp_path / "tokenizer.json")
        paths = [tmp_path / name for name in ("messages.safetensors", "known.safetensors")]
        encode_messages(tmp_path / "corpus.parquet", tmp_path / "tokenizer.json", SETTINGS, 0, *paths)
        return [read_sentences(path) for path in paths]

    return made


def test_half_of_the_messages_of_those_who_wrote_the_most_are_known(files):
    messages, known = files()
    for read in (messages, known):
        assert np.bincount(read.labels).tolist() == [4, 4, 4]
        assert (read.ids[read.offsets[:-1]] // 100 == read.labels).all(), "a message is by the person of its label"
        assert (np.diff(read.offsets) == 2).all(), "short messages are left out"
    first, second = (set(read.ids[read.offsets[:-1]].tolist()) for read in (messages, known))
    assert not first & second and len(first | second) == 24, "a message that was written twice counts once"


def test_too_few_persons_are_an_error_that_names_nobody(files):
    with pytest.raises(PrivatuneError, match=r"split\.attribute: 2 persons of chitchat have 8 messages") as error:
        files((10, 20, 3, 2))
    assert "person 0" not in str(error.value)
