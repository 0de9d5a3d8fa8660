"""Draw figure 2 of Popov et al. (2018): perplexity against rounds, with replicates as a band."""

from pathlib import Path

from matplotlib.figure import Figure

from privatune.report.frames import read_table
from privatune.systems.popov.figures import perplexity_by_round


def figure(replicates: str | Path) -> Figure:
    """Draw the scenarios of several rounds in the table `replicates`, and the initial model."""
    models = read_table(replicates, perplexity_by_round.COLUMNS)
    several = models.groupby("scenario")["round"].transform("nunique") > 1
    return perplexity_by_round.draw(models[several | (models["round"] == 0)])
