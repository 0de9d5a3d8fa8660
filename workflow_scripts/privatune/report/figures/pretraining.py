"""Draw how the general model learned: perplexity and learning rate against tokens."""

from pathlib import Path

from matplotlib.figure import Figure

from privatune.report.frames import read_table
from privatune.report.style import COLUMN, GENERAL, GREY, USER, drawing, perplexity_axis

COLUMNS = "tokens learning_rate ppl_train ppl_valid".split()


@drawing()
def figure(curve: str | Path) -> Figure:
    """Draw the perplexity of the training text, as it is read, and of the validation text, above the learning rate."""
    steps = read_table(curve, COLUMNS)
    drawn = Figure(figsize=(COLUMN, 3.0))
    above, below = drawn.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    millions = steps["tokens"] / 1e6
    checked = steps["ppl_valid"].notna()
    above.plot(millions, steps["ppl_train"], color=GREY, linewidth=0.9, label="training")
    above.plot(millions[checked], steps.loc[checked, "ppl_valid"], "o-", color=GENERAL, label="validation")
    perplexity_axis(above, "y", [*steps["ppl_train"], *steps["ppl_valid"]])
    above.set_ylabel("perplexity (logarithmic)")
    last = steps[checked].tail(1)
    for tokens, perplexity in zip(last["tokens"] / 1e6, last["ppl_valid"], strict=True):
        text = {"textcoords": "offset points", "xytext": (0, 7), "ha": "right", "color": GENERAL}
        above.annotate(f"{perplexity:,.0f}", (tokens, perplexity), **text)
    above.legend(loc="upper right")
    below.plot(millions, steps["learning_rate"], color=USER)
    below.set_ylim(0, 1.15 * steps["learning_rate"].max())
    below.set_ylabel("learning\nrate")
    below.set_xlabel("general tokens read (millions)")
    drawn.align_ylabels()
    return drawn
