"""The base of every settings model: frozen, complete, closed to unknown keys."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Immutable values of one stage, as `config/config.yaml` states them."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _distinct(values: list[Any]) -> list[Any]:
    twice = [value for value in dict.fromkeys(values) if values.count(value) > 1]
    if twice:  # it would be made once and counted twice
        raise ValueError(f"{', '.join(map(str, twice))} stands there twice; name each once")
    return values


Names = Annotated[list[str], AfterValidator(_distinct)]
Seeds = Annotated[list[Annotated[int, Field(ge=0)]], AfterValidator(_distinct)]
# of scenarios, methods and variants: parts of file names
Name = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", description="a name: letters, digits, _, ., + and -")
]


def known_names(key: str, names: Iterable[str], known: set[str]) -> None:
    """Raise ValueError, for a model's validator, where `key` names what is not defined."""
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"{key}: {', '.join(unknown)} is not defined; known are {', '.join(sorted(known))}")
