"""A model inside a process: its arrays, and the number of bytes that it takes to send. This module needs no torch."""

from pathlib import Path
from typing import Any, NamedTuple

from privatune.core.tensors import Arrays, read_bytes, save_tensors, unpack


class Model(NamedTuple):
    """A model as its file holds it. Its checksum is verified when the file is read, and not again."""

    arrays: Arrays  # float32; no code changes them in place
    about: dict[str, Any]  # header of the file
    length: int  # bytes of the file, as it is sent

    def with_values(self, arrays: Arrays) -> "Model":
        """Return the model with other values of the same names, types and shapes, so that its length is the same."""
        return self._replace(arrays=arrays)


def read_model(path: str | Path) -> Model:
    """Read a model and verify its checksum; raises PrivatuneError naming the file."""
    data = read_bytes(path)
    return Model(*unpack(data, path), len(data))


def write_model(path: str | Path, model: Model) -> None:
    """Write a model atomically with its header and a checksum."""
    save_tensors(path, model.arrays, model.about)
