"""Columns that only the tables of this system show, and the names of attacks."""

from privatune.report.columns import Column, decimals, digits

THREE = decimals(3)

ATTACKS = {
    "nearest": "nearest embedding",
    "map": "most probable token (MAP)",
    "ridge": "ridge map, then nearest",
    "inverter": "trained inverter",
    "attribute": "author of a message",
}
"""The attacks by the names of their columns, as readers see them."""

MODULES = {"posterior": "map"}
"""Attacks of which the module's name and that of the column differ."""

OWN = {
    # what was sent
    "split_after": Column("blocks at the customer"),
    "kappa": Column("kappa", digits(3)),
    "eta": Column("eta", digits(3)),
    "importance": Column("importance"),
    # what the vendor and the attackers make of it
    "ep_nearest": Column("empirical privacy: nearest", THREE),
    "ep_map": Column("MAP", THREE),
    "ep_ridge": Column("ridge", THREE),
    "ep_inverter": Column("inverter", THREE),
    "ep_attribute": Column("author", THREE),
    "empirical_privacy": Column("empirical privacy, best attack", THREE),
    "best": Column("best attack"),
    "top5": Column("best attack: top 5", THREE),
    "content": Column("recovered content words", THREE),
    "function": Column("recovered function words", THREE),
    "chance": Column("chance", THREE),
    # examples
    "noise": Column("noise"),
    "attack": Column("attack"),
    "text": Column("text"),
    "share": Column("recovered tokens", THREE),
}


def how(cut: int, kappa: float, importance: str) -> str:
    """Name a way of sending.

    >>> how(0, float("nan"), "none"), how(2, 0.25, "cti")
    ('embedding, no noise', 'block 2, kappa 0.25, cti')
    """
    parts = ["embedding" if cut == 0 else f"block {cut}", "no noise" if kappa != kappa else f"kappa {kappa:.3g}"]
    return ", ".join(parts + ([importance] if importance != "none" else []))
