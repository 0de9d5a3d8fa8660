"""A model inside a process: its arrays, and how many bytes it takes to send. It needs no torch."""

from pathlib import Path
from typing import Any, NamedTuple

from privatune.core.tensors import Arrays, read_bytes, save_tensors, unpack


class Model(NamedTuple):
    """A model as its file holds it; the checksum was verified when it was read, and is not looked at again."""

    arrays: Arrays  # float32; nobody changes them in place
    about: dict[str, Any]  # header of the file
    length: int  # bytes of the file, as it is sent

    def with_values(self, arrays: Arrays) -> "Model":
        """The model with other values, which must have the same names, types and shapes: its length is the same."""
        return self._replace(arrays=arrays)


def read_model(path: str | Path) -> Model:
    """Read a model and verify its checksum; raises PrivatuneError naming the file."""
    data = read_bytes(path)
    return Model(*unpack(data, path), len(data))


def write_model(path: str | Path, model: Model) -> None:
    """Write a model atomically with its header and a checksum."""
    save_tensors(path, model.arrays, model.about)
