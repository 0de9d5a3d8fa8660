"""Make a section of the page: what a system says of its finished tables, as one JSON value without any private text."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json
from privatune.report.frames import read_table
from privatune.report.page.said import Said, plain, point
from privatune.report.tables.claims import COLUMNS, shown

ABOUT = frozenset("name sizes differs tables figures".split())  # what the workflow tells about a section
PARTS = ABOUT | frozenset("title question asked answer rule pictures table models claims verdicts".split())
JUDGED = ["claim", "unit", "paper", "ours", "ours: low", "ours: high", "n", "verdict", "verdict after Holm", "rule"]


def section(room: str, about: Mapping[str, Any], files: Mapping[str, str | Path]) -> dict[str, Any]:
    """Return a section, which `privatune.report.page.render` shows.

    Args:
        room: the module of the system, which has `TITLE`, `QUESTION`, `TABLES` (the columns that it reads, by table)
            and `said`, a function of these tables that returns a `Said`.
        about: what the workflow tells about the section (`ABOUT`), which becomes a part of it.
        files: result tables by name; the one whose name begins with `claims_` is shown with its verdicts.
    """
    part = import_module(room)
    said: Said = part.said({name: read_table(files[name], columns) for name, columns in part.TABLES.items()})
    judged = [read_table(path, COLUMNS) for name, path in files.items() if name.startswith("claims_")]
    return {
        "title": part.TITLE,
        "question": part.QUESTION,
        "asked": said.asked,
        "answer": said.answer,
        "rule": said.rule,
        "pictures": [
            {"spec": _spec(picture.chart, picture.instead), "instead": picture.instead, "caption": picture.caption}
            for picture in said.pictures
        ],
        "table": _cells(said.table) | {"caption": said.caption},
        "models": [point(model) for model in said.models],
        "claims": [_cells(shown(claims)[JUDGED]) for claims in judged],
        "verdicts": [claims["verdict"].value_counts().to_dict() for claims in judged],
        **plain(dict(about)),
    }


def read_section(path: str | Path) -> dict[str, Any]:
    """Return a section from its file; one that another version of this code made raises PrivatuneError."""
    held: dict[str, Any] = read_json(path)
    if held.keys() != PARTS:
        raise PrivatuneError(f"{path}: another version of this code made it; delete it, or run its target again")
    return held


def models(sections: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the models of all sections, each with the name of its section as `system`."""
    return [model | {"system": part["name"]} for part in sections for model in part["models"]]


def _spec(chart: Any, instead: str) -> dict[str, Any]:
    """Return a chart as Vega-Lite reads it; a screen reader reads `instead`."""
    made: dict[str, Any] = plain(chart.properties(description=instead).to_dict())
    return made


def _cells(frame: pd.DataFrame) -> dict[str, Any]:
    return {"columns": list(frame.columns), "rows": frame.astype(str).to_numpy().tolist()}
