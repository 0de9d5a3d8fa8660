"""Small corpus tables of the form that the corpora stage writes."""

import pytest

from privatune.corpora.tables import CHOSEN, GENERAL, in_batches, write_table

GENERAL_ROWS = [
    ("d1", "train", "The cat sat. The cat’s dog sat, too!"),
    ("d1", "train", "the DOG"),
    ("d2", "train", "A dog isn't a cat"),
    ("d3", "test", "The bird sat"),
    ("d4", "valid", "the end"),
]
PRIVATE_ROWS = [
    ("p0000", "train", 0, "the cat lol"),
    ("p0000", "later", 1, "omg the dog"),
    ("p0001", "train", 0, "sat"),
    ("p0001", "train", 1, "LOL <eos> <unk>"),
    ("p0002", "heldout", 0, "the dog ❤️"),
]


@pytest.fixture
def general(tmp_path):
    path = tmp_path / "books.parquet"
    write_table(path, in_batches(GENERAL_ROWS, GENERAL), GENERAL)
    return path


@pytest.fixture
def private(tmp_path):
    path = tmp_path / "private.parquet"
    write_table(path, in_batches(PRIVATE_ROWS, CHOSEN), CHOSEN)
    return path
