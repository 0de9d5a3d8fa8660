"""Records of the target `dpzero`, made up but plausible."""

import math
from functools import partial
from itertools import product

import pytest

from privatune.core.files import write_json
from privatune.core.streams import stream
from privatune.report.frames import write_table
from privatune.systems.dpzero.tables import dpzero, dpzero_accuracy

STEPS, BATCH, CLUSTERS, RESAMPLES = 512, 64, 400, 30
# set: n, classes, majority, zero-shot, accuracy of the best
SETS = {"rotten_tomatoes": (6882, 2, 48.8, 61.5, 75.0), "trec": (4685, 6, 23.8, None, 80.0)}
EPSILONS = (None, 6.0, 2.0)


def zeroth(directions, steps=STEPS, noised="scalar", scope="head"):
    about = {"scope": scope, "step": "zeroth", "optimiser": None, "directions": directions, "noised": noised}
    return about | {"batch": BATCH, "steps": steps, "forwards": 2 * directions * steps}


def gradient(scope, optimiser, steps=100, batch=BATCH):
    about = {"scope": scope, "step": "gradient", "optimiser": optimiser, "directions": None, "noised": "vector"}
    return about | {"batch": batch, "steps": steps, "forwards": steps}


# method: what it is, and points below the best by epsilon (none, 6, 2)
METHODS = {
    "probe": (gradient("head", "sgd", batch=None), (0.5, 1.0, 1.5)),
    "zeroth-1": (zeroth(1), (4.0, 4.3, 5.0)),
    "zeroth-16": (zeroth(16), (1.0, 1.5, 2.5)),
    "zeroth-64": (zeroth(64), (0.5, 1.0, 2.0)),
    "forwards-1": (zeroth(1, 16 * STEPS), (2.0, 2.5, 3.0)),
    "forwards-64": (zeroth(64, STEPS // 4), (2.0, 2.5, 6.0)),
    "dpgd-0th": (zeroth(1, noised="vector"), (None, 9.0, 12.0)),
    "block": (gradient("blocks", "adamw"), (0.0, 2.0, 3.0)),
    "lora": (gradient("lora", "adamw"), (0.2, 2.5, 3.5)),
    "biases": (gradient("biases", "adamw"), (0.4, 2.2, 3.2)),
}


def classifiers(name, method, epsilon, seeds):
    """Records of one file; every classifier of a set is measured on the same test sentences and resamples."""
    n, classes, majority, zero_shot, best = SETS[name]
    about, below = METHODS[method]
    batch = about["batch"] or n
    fall = below[EPSILONS.index(epsilon)]
    still = method == "probe" and epsilon is None  # gradient descent on all examples: no seed matters
    text = stream(0, "test sentences", name).normal(0, 2.0, RESAMPLES)
    own = stream(0, "own sentences", name, method).normal(0, 0.5, RESAMPLES)
    rows = []
    for seed in seeds:
        sway = 0.0 if still else stream(seed, "sway", name, method, str(epsilon)).normal(0, 0.3)
        accuracy = best - fall + sway
        private = epsilon is not None
        rows.append(
            {
                "set": name, "method": method, "head": "linear", "seed": seed, **about, "batch": batch,
                "noised": about["noised"] if private else None,
                "epsilon": epsilon and epsilon - 1e-5, "delta": 1 / (10 * n) if private else None,
                "adjacency": "zero out one" if private else None, "accountant": "pld" if private else None,
                "q": batch / n if private else None, "noise_multiplier": 1.1 if private else None,
                "n": n, "classes": classes, "rate": 0.5, "clip": 1.0 if private else None,
                "accuracy": accuracy, "accuracy_resampled": [float(value) for value in accuracy + text + own],
                "clusters": CLUSTERS, "majority": majority, "zero_shot": zero_shot,
                "largest_change": 0.25 + 0.01 * seed, "parameters": 384 * classes,
                "bytes_per_step": 8 + 4 * (about["directions"] or 0)
                if about["noised"] == "scalar" else 4 * 384 * classes,
            }
        )  # fmt: skip
    return rows


def folder_of(epsilon):
    return "none" if epsilon is None else f"{epsilon:g}"


def written(folder, change=lambda row: row, seeds=range(10), sets=tuple(SETS), methods=tuple(METHODS)):
    paths = []
    for name, method, epsilon in product(sets, methods, EPSILONS):
        if METHODS[method][1][EPSILONS.index(epsilon)] is None:
            continue
        seeds_of = seeds if METHODS[method][0]["scope"] == "head" else list(seeds)[:3]
        path = folder / "dpzero" / name / method / folder_of(epsilon) / "classifiers.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, [change(row) for row in classifiers(name, method, epsilon, seeds_of)])
        paths.append(path)
    return paths


@pytest.fixture
def write_classifiers(tmp_path):
    """write_classifiers(change, seeds, sets, methods): paths of records, each changed by `change`."""
    return partial(written, tmp_path)


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """The table `dpzero` of all records, as a file."""
    folder = tmp_path_factory.mktemp("dpzero")
    write_table(dpzero.table(written(folder)), folder / "dpzero.csv")
    return folder / "dpzero.csv"


@pytest.fixture(scope="session")
def accuracies(models):
    """The table `dpzero_accuracy` of all records, as a file."""
    path = models.with_name("dpzero_accuracy.csv")
    write_table(dpzero_accuracy.table(models), path)
    return path


# way: method, passes, scope's weights, path, seconds and memory over inference
COSTS = {
    "inference": ("inference", "forward", 0, None, 1.0, 1.0),
    "dpzero-head": ("DPZero", "forward", 768, "in place", 2.1, 1.0),
    "dpzero-all": ("DPZero", "forward", 22_000_000, "in place", 2.4, 1.01),
    "mezo-all": ("MeZO", "forward", 22_000_000, "in place", 2.4, 1.0),
    "adamw-all": ("DP-AdamW", "gradient", 22_000_000, None, 5.0, 3.5),
    "lora": ("DP-LoRA", "gradient", 150_000, None, 3.1, 2.2),
}


def costs_in(folder, repeats=5, known=True):
    paths = []
    for row, (method, passes, weights, path, seconds, memory) in COSTS.items():
        draws = stream(0, "costs", row)
        about = {"row": row, "method": method, "pass": passes, "batch": 64, "tokens": 32, "parameters": weights}
        about |= {"threads": 2, "path": path, "bytes_per_step": 12 if passes == "forward" else 4 * weights}
        measured = [
            {
                "seconds": 0.3 * seconds * (1 + 0.02 * draws.random()), "inference_seconds": 0.3,
                "peak_memory_mb": 500 * memory * (1 + 0.002 * draws.random()) if known else None,
                "inference_memory_mb": 500.0 if known else None,
            }
            for _ in range(repeats)
        ]  # fmt: skip
        file = folder / "dpzero/costs" / f"{row}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, about | {"repeats": measured})
        paths.append(file)
    return paths


@pytest.fixture
def write_costs(tmp_path):
    """write_costs(repeats, known) writes one file per way of training; their paths."""
    return partial(costs_in, tmp_path)


SLOPES = {"DPZero": 0.05, "DPGD-0th": 1.0}


def dimension_in(folder, slopes=SLOPES, replicates=20):
    rows = []
    for method, dimension in product(slopes, (20, 50, 100, 200, 500, 1000, 2000)):
        noise = stream(0, "errors", method, dimension).normal(0, 0.1, replicates)
        for replicate in range(replicates):
            error = 0.01 * (dimension / 20) ** slopes[method] * math.exp(noise[replicate])
            rows.append(
                {"method": method, "dimension": dimension, "replicate": replicate, "error": error, "clip": 3.0}
                | {"epsilon": 2.0, "delta": 1e-6}
            )
    write_json(folder / "dimension.json", rows)
    return folder / "dimension.json"


@pytest.fixture
def write_dimension(tmp_path):
    """write_dimension(slopes, replicates) writes errors that grow with the dimension by these slopes; the path."""
    return partial(dimension_in, tmp_path)


@pytest.fixture(scope="session")
def measured(tmp_path_factory):
    """Errors by dimension, and costs, as `write_dimension` and `write_costs` write them by default."""
    folder = tmp_path_factory.mktemp("dpzero")
    return dimension_in(folder), costs_in(folder)
