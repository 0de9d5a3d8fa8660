"""Columns that only the tables of this system show."""

from privatune.report.columns import Column, decimals, digits, yes_no

WHOLE, ONE, TWO = (decimals(places) for places in range(3))
SOURCES = {"as_paper": "as the paper", "ours": "ours"}

OWN = {
    "scenario": Column("variant"),  # the configuration of this system calls them variants
    # epsilons of other models or from other accountants
    "epsilon_rdp": Column("epsilon by RDP", digits(3)),
    "carriers_epsilon": Column("epsilon of carriers", digits(3)),
    "source": Column("source", SOURCES.__getitem__),
    "population": Column("population N", WHOLE),
    "paper_epsilon": Column("epsilon: paper", digits(3)),
    "model": Column("model"),
    "models": Column("models", WHOLE),
    # audit
    "epsilon_upper": Column("epsilon: upper bound", digits(3)),
    "epsilon_lower": Column("epsilon: lower bound", TWO),
    "epsilon_largest": Column("epsilon: largest possible lower bound", TWO),
    "epsilon_estimate": Column("estimated epsilon", digits(3)),
    "confidence": Column("confidence, %", lambda share: f"{100 * share:g}"),
    "guesses": Column("guesses", WHOLE),
    "right": Column("correct guesses", WHOLE),
    "contradicted": Column("contradicted", yes_no),
    # canaries
    "canaries": Column("canaries", WHOLE),
    "canary": Column("canary"),
    "n_users": Column("carriers"),
    "n_copies": Column("copies per carrier"),
    "visits": Column("visits", digits(4)),
    "drawn": Column("drawn", WHOLE),
    "rank": Column("rank", WHOLE),
    "exposure": Column("exposure, bits", ONE),
    "chance": Column("exposure by chance, bits", TWO),
    "unseen": Column("exposure if never seen, bits", ONE),
    "beyond": Column("exposure beyond never seen, bits", ONE),
    "beam_found": Column("found", yes_no),
    "found": Column("number found", WHOLE),
    "extracted": Column("extracted, %", WHOLE),
    "extracted_low": Column("extracted, %: low", WHOLE),
    "extracted_high": Column("extracted, %: high", WHOLE),
}
