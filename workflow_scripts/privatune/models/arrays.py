"""A model inside a process: its arrays and the number of bytes to send it. This module does not import torch."""

from pathlib import Path
from typing import Any, NamedTuple

from privatune.core.tensors import Arrays, read_bytes, save_tensors, unpack


class Model(NamedTuple):
    """The content of a model's file, whose checksum is verified only when the file is read."""

    arrays: Arrays  # float32; no code changes them in place
    about: dict[str, Any]  # header of the file
    length: int  # number of bytes of the file, which is what is sent

    def with_values(self, arrays: Arrays) -> "Model":
        """Return the model with other values; names, types and shapes must be the same, so that its length is too."""
        return self._replace(arrays=arrays)


def read_model(path: str | Path) -> Model:
    """Read a model and verify its checksum; raises PrivatuneError naming the file."""
    data = read_bytes(path)
    return Model(*unpack(data, path), len(data))


def write_model(path: str | Path, model: Model) -> None:
    """Atomically write a model with its header and a checksum."""
    save_tensors(path, model.arrays, model.about)
