"""Find which rows can be compared: a private method and its twin, and numbers of directions at equal cost."""

from collections.abc import Iterator

import pandas as pd

# what a private method has in common with a twin that has another name in the configuration
ALIKE = "scope head step optimiser directions batch steps".split()
# the same for two numbers of directions, of which one count is equal besides
SHARED = "scope head batch".split()
NEAR = 0.01  # steps are whole numbers, so numbers of forward passes that should be equal may differ by so much


def twin(models: pd.DataFrame, private: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the non-private twin of a method; none if there is no twin.

    Args:
        models: rows of the table `dpzero`.
        private: rows of one set, method and epsilon.
    """
    alike = models[models["epsilon"].isna()].merge(private.head(1)[["set", *ALIKE]])
    named = alike[alike["method"].isin(private["method"])]
    return named if len(named) else alike[alike["method"].isin(alike["method"].head(1))]


def by_directions(rows: pd.DataFrame, equal: str) -> Iterator[pd.DataFrame]:
    """Yield groups of rows in which two or more numbers of directions have the same steps or forward passes.

    Args:
        rows: of one set and epsilon, with one row per method.
        equal: `steps` or `forwards`.
    """
    zeroth = rows[(rows["step"] == "zeroth") & (rows["noised"] != "vector")]
    for _, alike in zeroth.groupby(SHARED, sort=False):
        ordered = alike.sort_values([equal, "directions"], kind="stable")
        counts = ordered[equal].astype(float)
        margin = NEAR if equal == "forwards" else 0
        for _, group in ordered.groupby((counts > counts.shift() * (1 + margin)).cumsum()):
            if group["directions"].nunique() > 1:
                yield group.sort_values("directions").drop_duplicates("directions")
