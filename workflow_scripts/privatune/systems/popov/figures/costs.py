"""Draw where the time of a run goes, and what one client costs."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from privatune.report.frames import read_table
from privatune.report.style import GENERAL, GREY, PAGE, PAPER, SMALL, USER, drawing, name

STAGES = "rule jobs seconds peak_memory_mb".split()
CLIENTS = "scenario client tokens seconds peak_memory_mb".split()


@drawing()
def figure(stages: str | Path, client_costs: str | Path) -> Figure:
    """Draw seconds and peak memory: of every rule, summed over its jobs (left), and of single clients (right)."""
    rules = read_table(stages, STAGES).sort_values("seconds", ascending=False, kind="stable")
    drawn = Figure(figsize=(PAGE, max(2.6, 0.7 + 0.17 * len(rules))))
    left, right = drawn.subplots(1, 2, width_ratios=[1.15, 1])
    _stages(left, rules)
    _clients(right, read_table(client_costs, CLIENTS))
    return drawn


def _stages(axes: Axes, rules: pd.DataFrame) -> None:
    bars = axes.barh([name(rule) for rule in rules["rule"]], rules["seconds"], color=GENERAL, height=0.65)
    memory = ["" if pd.isna(peak) else f", {peak:,.0f} MB" for peak in rules["peak_memory_mb"]]
    texts = [
        f"{jobs} × {seconds / jobs:,.1f} s{peak}"
        for jobs, seconds, peak in zip(rules["jobs"], rules["seconds"], memory, strict=True)
    ]
    axes.bar_label(bars, texts, padding=3, fontsize=SMALL)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.8 * rules["seconds"].max())
    axes.grid(visible=False, axis="y")
    axes.set_title("Jobs × mean time and peak memory of each rule")
    axes.set_xlabel("time summed over jobs (s)")


def _clients(axes: Axes, clients: pd.DataFrame) -> None:
    scenarios = list(clients.groupby("scenario", sort=False))
    for place, (_, rows) in enumerate(scenarios):
        axes.plot(rows["seconds"], [place] * len(rows), "o", color=USER, markeredgecolor=PAPER)
        text = f"{_span(rows['tokens'])} tokens, {rows['peak_memory_mb'].max():,.0f} MB"
        axes.annotate(text, (0, place), (4, 5), textcoords="offset points", color=GREY, fontsize=SMALL)
    axes.set_yticks(range(len(scenarios)), [name(str(scenario)) for scenario, _ in scenarios])
    axes.set_ylim(max(len(scenarios), 1) - 0.5, -0.5)
    axes.set_xlim(0, 1.1 * clients["seconds"].max() if len(clients) else 1)
    axes.set_title("Single clients, one dot per client")
    axes.set_xlabel("time of fine-tuning (s)")


def _span(values: pd.Series) -> str:
    """Format a range from smallest to largest, or the only value.

    >>> _span(pd.Series([1200, 950]))
    '950–1,200'
    """
    return "–".join(f"{value:,.0f}" for value in sorted({values.min(), values.max()}))
