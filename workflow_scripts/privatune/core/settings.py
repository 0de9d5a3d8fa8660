"""The base of every settings model: frozen, complete, closed to unknown keys; and what a key touches."""

from collections.abc import Iterable, Mapping, Sequence
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


def touches(
    *rules: str, adds: Sequence[str] = (), through: str = "", but: Mapping[str, dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Which rules of the workflow a key touches, for a field's `json_schema_extra`; a test holds the workflow to it.

    It holds for all keys below, too, up to one that has a declaration of its own. What reads the files of a job that
    runs again runs again as well, and is not named here.

    Args:
        rules: whose settings or files the value decides: where it changes, all their jobs run again, or below a name
            that the user chose those that are about it. `a > b`: those jobs of a whose files b reads.
        adds: rules that get more jobs, or fewer; what they have finished stays. `*`: all.
        through: the key that passes this one on, in whose place nothing is touched.
        but: other declarations for keys below, by name, where their model stands in several places.
    """
    declared = {"touches": list(rules), "adds": list(adds), "through": through, "but": dict(but or {})}
    return {name: value for name, value in declared.items() if value or name == "touches"}


def known_names(key: str, names: Iterable[str], known: set[str]) -> None:
    """Raise ValueError, for a model's validator, where `key` names what is not defined."""
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"{key}: {', '.join(unknown)} is not defined; known are {', '.join(sorted(known))}")
