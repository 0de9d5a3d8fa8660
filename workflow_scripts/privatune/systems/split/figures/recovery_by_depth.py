"""Draw the share that each attack recovers against the depth of the split."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from privatune.report.frames import read_table
from privatune.report.intervals import interval
from privatune.report.style import COLOURS, GREY, PAGE, drawing
from privatune.systems.split.columns import ATTACKS, OWN

COLUMNS = ["split_after", "kappa", "importance", "seed", "chance", *(f"ep_{name}" for name in ATTACKS)]
MARKERS = "osv^D"
MOST = 5  # panels


@drawing()
def figure(split: str | Path) -> Figure:
    """Draw one panel without noise and one per kappa that every split has, without importance; 95 % intervals."""
    rows = read_table(split, COLUMNS)
    rows = rows[rows["importance"] == "none"]
    panels = _panels(rows)[:MOST]
    drawn = Figure(figsize=(PAGE, 2.6))
    grid = drawn.subplots(1, max(1, len(panels)), sharey=True, squeeze=False)[0]
    for axes, (title, of_panel) in zip(grid, panels, strict=False):
        for (name, label), colour, marker in zip(ATTACKS.items(), COLOURS, MARKERS, strict=False):
            cuts = of_panel.groupby("split_after")[f"ep_{name}"]
            made = pd.DataFrame([{"cut": cut, **interval(1 - values)._asdict()} for cut, values in cuts]).dropna(
                subset=["middle"]
            )
            ends = [(made["middle"] - made["low"]).fillna(0), (made["high"] - made["middle"]).fillna(0)]
            axes.errorbar(
                made["cut"], made["middle"], ends, color=colour, marker=marker, markersize=3.5, label=label, linewidth=1
            )
        chance = of_panel.groupby("split_after")["chance"].mean()
        axes.plot(chance.index, chance, ":", color=GREY, linewidth=0.8, label="chance, token")
        axes.set(title=title, xlabel=OWN["split_after"].heading, ylim=(-0.03, 1.03), xticks=sorted(chance.index))
    grid[0].set_ylabel("recovered share")
    drawn.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return drawn


def _panels(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return titles and rows: without noise, and for each kappa that is set for all splits."""
    found = [("without noise", rows[rows["kappa"].isna()])]
    cuts = rows["split_after"].nunique()
    for kappa, of_level in rows.groupby(rows["kappa"].round(6)):
        if of_level["split_after"].nunique() == cuts:
            found.append((f"kappa {kappa:g}", of_level))
    return found
