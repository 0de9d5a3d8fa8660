"""What a system says of itself on the page: its module `page` gives a `Said`, and the page shows all of them alike."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt
import pandas as pd

from privatune.report.intervals import Interval

COSTS = {
    "megabytes": "megabytes of all devices, up and down",
    "megabytes_up": "megabytes of all devices, up",
    "seconds": "seconds on a device, for a visit or a sentence",
    "memory_mb": "peak memory, MB",
    "stored_mb": "size of the model in 8 bits, MB",
    "epsilon": "epsilon, at its delta",
    "recovered": "tokens that the best attack recovers, %",
}
"""What a model can cost, by the name of the field; the explorer offers each that any model has."""


@dataclass(frozen=True)
class Picture:
    """A chart, the text that replaces it for those who cannot see it, and the caption below it."""

    chart: alt.Chart | alt.LayerChart
    instead: str
    caption: str


@dataclass(frozen=True)
class Model:
    """A model with its quality and costs: a point of the explorer. What is not known of it is null.

    Attributes:
        task: what the quality measures, and on which text; models of one task can be compared.
        name: its name, with the round or the step where it has several.
        quality: the mean over seeds with its 95 % interval.
        better: which values of the quality are good.
        megabytes, megabytes_up, seconds, memory_mb, stored_mb, epsilon, recovered: the costs, as in `COSTS`.
        delta: that of the epsilon.
        guarantee: what is proved about the text that it was trained on, in words.
        listed: whether the table of costs shows it; models in the middle of a training are not.
    """

    task: str
    name: str
    quality: Interval
    better: Literal["higher", "lower"]
    guarantee: str = "none"
    megabytes: float = math.nan
    megabytes_up: float = math.nan
    seconds: float = math.nan
    memory_mb: float = math.nan
    stored_mb: float = math.nan
    epsilon: float = math.nan
    delta: float = math.nan
    recovered: float = math.nan
    listed: bool = True

    def __post_init__(self) -> None:
        if math.isnan(self.epsilon) != math.isnan(self.delta):
            raise ValueError(f"{self.task}, {self.name}: an epsilon means nothing without its delta")


@dataclass(frozen=True)
class Said:
    """What a system says of a finished run, all of it computed from its tables.

    Attributes:
        asked: what was asked of whose text, with this run's numbers.
        answer: the answer to the system's question, with its figures.
        rule: how the answer follows from the tables, so that nobody chooses it.
        pictures: the main picture first.
        table: the main table as a reader sees it: text under headings.
        caption: what the table shows.
        models: what the explorer shows of the system.
    """

    asked: str
    answer: str
    rule: str
    pictures: Sequence[Picture]
    table: pd.DataFrame
    caption: str
    models: Sequence[Model] = ()


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: null and infinite numbers become None.

    >>> plain({"epsilon": float("nan"), "seeds": [1, float("inf")]})
    {'epsilon': None, 'seeds': [1, None]}
    """
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.item() if hasattr(value, "item") else value


def point(model: Model) -> dict[str, Any]:
    """Return a model as one flat record, with the ends of its interval, its seeds and what they cover.

    >>> record = point(Model("accuracy", "probe", Interval(80.0, 79.0, 81.0, 3, "seeds"), "higher"))
    >>> record["quality"], record["low"], record["seeds"], record["epsilon"]
    (80.0, 79.0, 3, None)
    """
    quality = model.quality
    made = vars(model) | {"quality": quality.middle, "low": quality.low, "high": quality.high}
    return plain(made | {"seeds": quality.n, "sources": quality.sources})


def number(value: float, places: int = 1) -> str:
    """Return a number as running text shows it.

    >>> number(1234.56), number(0.5, 0)
    ('1,234.6', '0')
    """
    return f"{value:,.{places}f}"


def spread(made: Interval, places: int = 1) -> str:
    """Return a mean with its interval in brackets, as running text shows it.

    >>> spread(Interval(2.0, 1.0, 3.0, 5)), spread(Interval(2.0, math.nan, math.nan, 1))
    ('2.0 [1.0, 3.0]', '2.0')
    """
    ends = "" if math.isnan(made.low) else f" [{number(made.low, places)}, {number(made.high, places)}]"
    return f"{number(made.middle, places)}{ends}"
