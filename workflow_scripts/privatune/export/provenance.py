"""Which texts a model was trained on: their names, sizes and licences, and nothing of what they say."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from privatune.core.files import read_json


def texts_of(
    corpora: Sequence[str | Path], private: str | Path | None, persons: str | Path | None, visits: int | None
) -> list[dict[str, Any]]:
    """Return the texts of a language model.

    Args:
        corpora: the manifests of the general corpora.
        private: the manifest of the private corpus, if the model was trained on it.
        persons: the counts of the persons who train.
        visits: how many persons were visited; everyone takes part once before anyone takes part again. Null if
            noise protects the persons: only their number is public then, and how much they wrote is not told.

    Raises:
        PrivatuneError: a file is missing or damaged.
    """
    found = [{"use": "general", **source(path), "words": read_json(path)["words"]["train"]} for path in corpora]
    if private is not None and persons is not None:
        counts = read_json(persons)
        everyone = counts["persons"]["train"]
        sizes = {} if visits is None else {"words": counts["words"]["train"], "took_part": min(visits, everyone)}
        found.append({"use": "private", **source(private), "persons": everyone, **sizes})
    return found


def planted(terms: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return, of the terms of a training under differential privacy, the sentences that synthetic persons carried."""
    carriers = terms.get("mechanism", {}).get("carriers")
    if not carriers:
        return []
    note = "sentences of random words, which show what a model memorises"
    return [{"use": "planted", "corpus": "canaries", "licence": "none needed", "note": note, "persons": carriers}]


def source(manifest: str | Path) -> dict[str, Any]:
    """Return a text's name and licence from its manifest."""
    held = read_json(manifest)
    return {"corpus": held["source"], "licence": held["licence"] or "not stated", "note": held["note"]}
