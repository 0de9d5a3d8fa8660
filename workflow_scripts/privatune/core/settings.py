"""The base of every settings model, which is frozen and refuses unknown keys."""

import os
import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """The immutable settings of one stage, as `config/config.yaml` states them."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Section(Settings):
    """A section of the configuration that is checked against the other sections."""

    def check(self, whole: Any) -> None:
        """Raise ValueError if this section contradicts another section of `whole`, the Experiment that contains it."""


def _distinct(values: list[Any]) -> list[Any]:
    twice = [value for value in dict.fromkeys(values) if values.count(value) > 1]
    if twice:  # it would be computed once and counted twice
        raise ValueError(f"{', '.join(map(str, twice))} is listed twice; list each value once")
    return values


Distinct = AfterValidator(_distinct)  # for lists of values that each get jobs or rows of their own
Names = Annotated[list[str], Distinct]
Seeds = Annotated[list[Annotated[int, Field(ge=0)]], Distinct]
# of scenarios, methods and variants; they become parts of file names
Name = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", description="a name: letters, digits, _, ., + and -")
]


def _home_expanded(path: str) -> str:
    return os.path.expanduser(path)  # noqa: PTH111, because pathlib raises where there is no such user


def _output_folder(path: str) -> str:
    """The folder without a slash at its end: Snakemake compares files by their names as text."""
    folder = os.path.normpath(_home_expanded(path))
    if folder in (".", "..", "/") or path != path.strip():
        raise ValueError(f"`{path}` is no folder of its own; name one, such as results")
    if wrong := re.search(r"[{}<>*?\[\]\x00-\x1f]", path):
        raise ValueError(f"{wrong[0]!r} has another meaning in Snakemake's names of files; choose a name without it")
    return folder


UserPath = Annotated[str, AfterValidator(_home_expanded)]
OutputFolder = Annotated[str, AfterValidator(_output_folder)]


class CohortSettings(Settings):
    """The number of clients per round and the number of rounds."""

    size: int = Field(10, ge=1, description="Cohort size K: number of clients per round.")
    rounds: int = Field(10, ge=1, le=100_000, description="Number of rounds.")


def smaller_vocabulary(key: str, words: int, whole: Any) -> None:
    """Raise ValueError, for use in a section's check, if the vocabulary at `key` exceeds that of the text."""
    if words > (most := whole.text.vocabulary):
        raise ValueError(f"{key}: {words} words are more than text.vocabulary, which is {most}; lower it")


def known_names(key: str, names: Iterable[str], known: set[str]) -> None:
    """Raise ValueError, for use in a model's validator, when `key` lists names that are not defined."""
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f"{key}: {', '.join(unknown)} is not defined; define it, or choose from {', '.join(sorted(known))}"
        )
