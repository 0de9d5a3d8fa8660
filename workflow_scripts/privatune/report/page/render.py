"""Put the sections of all finished systems together into one HTML file that needs nothing else."""

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import altair as alt
import vl_convert
from jinja2 import Environment, StrictUndefined

from privatune.core.machine import machine
from privatune.report.columns import NOTHING, digits
from privatune.report.page.explorer import explorer
from privatune.report.page.said import COSTS, number, plain
from privatune.report.page.section import models, read_section
from privatune.report.style import COLOURS

EXPLORED = (
    "Each point is a model: its quality with the 95 % interval against one cost. The dashed line is the frontier: "
    "no other model that is shown costs as little or less and is better. A model that costs nothing is a "
    "dotted level. The chart is empty if no model is within the limits and has this cost. Megabytes are those of all "
    "devices and rounds together; in dpzero, of one device that takes part in every step."
)


def render(
    sections: Iterable[str | Path],
    template: str | Path,
    missing: Mapping[str, str],
    accelerator: str,
    note: str | None = None,
) -> str:
    """Return the page.

    Args:
        sections: files of sections, in the order in which they are shown; the first one opens the page.
        template: of jinja2.
        missing: the modules of systems that are not finished, by the target that makes each.
        accelerator: `cpu` or `cuda`.
        note: a sentence that stands at the top of the page and above each of its charts.
    """
    finished = list(map(read_section, sections))
    every = models(finished)
    explored = _explorer(every)
    pictures = [picture for part in finished for picture in part["pictures"]] + ([explored] if explored else [])
    for picture in pictures if note else []:
        picture["spec"]["title"] = note
    rooms = {target: import_module(room) for target, room in missing.items()}
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(Path(template).read_text()).render(
        sections=finished,
        missing=[{"target": target, "title": r.TITLE, "question": r.QUESTION} for target, r in rooms.items()],
        explorer=explored,
        costs=costs([model for model in every if model["listed"]]),
        differs=differing(finished),
        made={**machine(accelerator), **_commit()},
        library=vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", _version()).replace(
            "</script", "<\\/script"
        ),
        colours=COLOURS,
        note=note,
    )


def costs(models: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the table of costs: text under headings, without costs that no model has."""
    named = {key: text for key, text in COSTS.items() if any(model[key] is not None for model in models)}
    columns = ["system", "model", "quality", "mean [95 % interval]", "seeds", *named.values(), "what is proved"]
    rows = [
        [
            *(model["system"], model["name"], model["task"], _interval(model), str(model["seeds"])),
            *(_cost(model, key) for key in named),
            model["guarantee"],
        ]
        for model in models
    ]
    return {"columns": columns, "rows": rows}


def differing(sections: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return each key whose value differs from the default, with its value and the sections that were made with it."""
    found: dict[tuple[str, str], list[str]] = {}
    for part in sections:
        for key, value in part["differs"].items():
            found.setdefault((key, str(value)), []).append(part["name"])
    return [{"key": key, "value": value, "sections": ", ".join(names)} for (key, value), names in found.items()]


def _explorer(models: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    placed = [model for model in models if any(model[cost] is not None for cost in COSTS)]
    if not placed:
        return None
    return {"spec": plain(explorer(placed).properties(description=EXPLORED).to_dict()), "caption": EXPLORED}


def _interval(model: Mapping[str, Any]) -> str:
    ends = "" if model["low"] is None else f" [{number(model['low'])}, {number(model['high'])}]"
    return NOTHING if model["quality"] is None else f"{number(model['quality'])}{ends}"


def _cost(model: Mapping[str, Any], key: str) -> str:
    if model[key] is None:
        return NOTHING
    delta = f" (delta {digits(2)(model['delta'])})" if key == "epsilon" else ""
    return digits(3)(model[key]) + delta


def _commit() -> dict[str, str]:
    """Return the commit of this code, if git knows it."""
    here = Path(__file__).parent
    try:
        said = [
            subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=False).stdout.strip()
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        ]
    except FileNotFoundError:  # there is no git
        return {}
    return {"commit": said[0] + (" with changes" if said[1] else "")} if said[0] else {}


def _version() -> str:
    """Return the version of Vega-Lite that altair writes for, such as 6.4."""
    return ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
