"""Records of the system's jobs, made up but plausible."""

from itertools import product

import numpy as np

from privatune.core.files import write_json
from privatune.core.streams import stream

CUTS = (0, 2, 4)
KAPPAS = {"none": None, "kappa-0.3": 0.3, "kappa-0.6": 0.6, "kappa-1.2": 1.2}
NOISE = dict(zip(KAPPAS, range(4), strict=True))
# empirical privacy without noise by attack and cut
DEPTH = {
    "nearest": (0.0, 0.2, 0.7), "posterior": (0.0, 0.02, 0.1), "ridge": (0.0, 0.1, 0.4), "inverter": (0.0, 0.02, 0.1),
    "attribute": (0.85, 0.87, 0.9),
}  # fmt: skip


def sendings(importances=("none", "cti")):
    return [
        (cut, noise, importance)
        for cut, noise in product(CUTS, KAPPAS)
        for importance in (importances if noise != "none" else ("none",))
    ]


def written(folder, seeds=(0, 1, 2), saved=3.0, importances=("none", "cti")):
    """Files of terms, tops and scores; contributing tokens save this many points of accuracy at a level of noise."""
    folder.mkdir(parents=True, exist_ok=True)
    terms, tops, scores, text = [], [], [], 3 * stream(0, "text").standard_normal(200)
    for cut, noise, importance in sendings(importances):
        key = {"cut": cut, "noise": noise, "importance": importance}
        kappa, level, place = KAPPAS[noise], NOISE[noise], CUTS.index(cut)
        guarantee = "none" if cut or not level else "per token" if importance == "none" else "within one level"
        eta = kappa and 40 / kappa
        about = {"kappa": kappa, "eta": eta, "cti": importance == "cti", "guarantee": guarantee, "reason": "made up"}
        terms.append(folder / f"terms-{cut}-{noise}-{importance}.json")
        write_json(terms[-1], key | about)
        tops.append(folder / f"tops-{cut}-{noise}-{importance}.json")
        rows = []
        for seed in seeds:
            own = stream(seed, "accuracy", *key.values()).standard_normal()
            accuracy = 75 - 0.4 * place - 5 * level + saved * (importance == "cti") + 0.2 * own
            accuracies = {"accuracy": accuracy, "accuracy_validation": accuracy + 0.3}
            resampled = [float(value) for value in accuracy + text]
            rows.append(key | accuracies | {"seed": seed, "accuracy_resampled": resampled, "majority": 50.4})
            rows[-1] |= {"n": 1000, "clusters": 600}
            score = key | {"seed": seed, "chance": 0.03, "chance_attribute": 0.05, "tokens": 700, "messages": 400}
            for attack, depths in DEPTH.items():
                drawn = stream(seed, "ep", attack, *key.values()).uniform(0, 0.02) * (cut > 0 or level > 0)
                ep = float(np.clip(1 - (1 - depths[place]) * 0.35**level + drawn, 0, 1))
                score[f"ep_{attack}"] = ep
                if attack != "attribute":
                    score |= {f"validation_ep_{attack}": ep, f"top5_{attack}": 1 - 0.8 * ep}
                    score |= {f"content_{attack}": 1 - ep, f"function_{attack}": 1 - ep}
            scores.append(score)
        write_json(tops[-1], rows)
    write_json(folder / "scores.json", scores)
    return {"terms": terms, "tops": tops, "scores": folder / "scores.json"}


def examples(folder):
    """Files of what attacks got back."""
    paths = []
    for cut, noise, importance in sendings():
        paths.append(folder / f"examples-{cut}-{noise}-{importance}.json")
        key = {"cut": cut, "noise": noise, "importance": importance}
        shown = {"sentence": 0, "text": "a fine film", "recovered": "a fine movie", "share": 2 / 3}
        write_json(paths[-1], [key | shown | {"attack": attack} for attack in list(DEPTH)[:-1]])
    return paths
