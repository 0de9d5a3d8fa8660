"""Records of the target `dpcompress`, made up but plausible."""

from functools import partial

import pytest

from privatune.core.files import write_json
from privatune.core.streams import stream
from privatune.report.frames import write_table
from privatune.systems.dpcompress.tables import dpcompress, dpcompress_models, exported

N, CLUSTERS, RESAMPLES, BEST = 4685, 500, 30, 90.0
ALL, HALF = "0 1 2 3 4 5", "0 2 5"
WEIGHTS = {ALL: 22_700_000, HALF: 17_200_000}
MATRICES = 3_500_000  # weights of the trained matrices
LEVELS = (None, 4.25)
CURVE = (None, 8.0, 4.25, 1.0)


def made(kind, blocks=ALL, sparsity=0.0, mask="none", start="pretrained", phases=1, levels=LEVELS):
    about = {"kind": kind, "blocks": blocks, "sparsity": sparsity, "mask": mask, "start": start, "phases": phases}
    return about, levels


# method: what it is and its levels, points below the best without noise and at epsilon 4.25
METHODS = {
    "probe": (made("probe"), 6.0, 7.0),
    "full": (made("fine-tune", levels=CURVE), 0.0, 2.0),
    "half": (made("fine-tune", HALF, levels=CURVE), 1.0, 5.0),
    "half-random": (made("fine-tune", HALF, start="random"), 5.0, 16.0),
    "dpkd": (made("distil", HALF, phases=2, levels=CURVE), 1.0, 7.0),
    "distil-public": (made("distil-public", HALF), 1.5, 6.0),
    "drop-blocks": (made("drop", HALF, phases=3), 1.0, 5.2),
    "prune": (made("prune", sparsity=0.5, mask="private", phases=3, levels=CURVE), 0.2, 4.0),
    "mask-public": (made("fine-tune", sparsity=0.5, mask="public"), 0.3, 2.4),
    "mask-random": (made("fine-tune", sparsity=0.5, mask="random"), 1.5, 8.0),
    "prune-25": (made("prune", sparsity=0.25, mask="private", phases=2), 0.1, 3.0),
    "prune-75": (made("prune", sparsity=0.75, mask="private", phases=4), 1.0, 6.0),
    "mask-public-25": (made("fine-tune", sparsity=0.25, mask="public"), 0.1, 2.2),
    "mask-public-75": (made("fine-tune", sparsity=0.75, mask="public"), 1.5, 3.6),
    "mask-random-25": (made("fine-tune", sparsity=0.25, mask="random"), 0.4, 4.0),
    "mask-random-75": (made("fine-tune", sparsity=0.75, mask="random"), 4.0, 14.0),
}
EXPORTED = ("full", "half", "dpkd", "drop-blocks", "prune")


def classifiers(method, target, seeds):
    """Records of one file; every classifier is measured on the same test sentences and resamples."""
    (about, _), plain, below = METHODS[method]
    fall = plain if target is None else plain + (below - plain) * (4.25 / target) ** 0.7
    text = stream(0, "test sentences").normal(0, 1.5, RESAMPLES)
    own = stream(0, "own sentences", method).normal(0, 0.2, RESAMPLES)
    private, weights = target is not None, WEIGHTS[about["blocks"]]
    rows = []
    for seed in seeds:
        accuracy = BEST - fall + stream(seed, "sway", method, str(target)).normal(0, 0.15)
        rows.append(
            {
                "set": "trec", "method": method, **about, "trained_blocks": 0 if method == "probe" else 2, "seed": seed,
                "target": target, "epsilon": target and target - 1e-5, "delta": 1 / (10 * N) if private else None,
                "adjacency": "zero out one" if private else None, "accountant": "pld" if private else None,
                "n": N, "classes": 6, "steps": 0 if method == "distil-public" else 40 * about["phases"], "batch": 256,
                "rate": 0.002, "clip": 1.0 if private else None, "accuracy": accuracy,
                "accuracy_resampled": [float(value) for value in accuracy + text + own],
                "clusters": CLUSTERS, "majority": 23.8, "zero_shot": None, "parameters": weights,
                "nonzero": weights - round(about["sparsity"] * MATRICES), "largest_change": 0.25 + 0.01 * seed,
            }
        )  # fmt: skip
    return rows


def folder_of(target):
    return "none" if target is None else f"{target:g}"


def written(folder, change=lambda row: row, seeds=range(3), methods=tuple(METHODS), levels=CURVE):
    paths = []
    for method in methods:
        for target in METHODS[method][0][1]:
            if target in levels:
                path = folder / "dpcompress" / method / folder_of(target) / "classifiers.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_json(path, [change(row) for row in classifiers(method, target, seeds)])
                paths.append(path)
    return paths


def measured(folder, methods=EXPORTED, repeats=5, target=4.25):
    paths = []
    for method in methods:
        about = METHODS[method][0][0]
        weights, blocks = WEIGHTS[about["blocks"]], len(about["blocks"].split())
        slow = {"torch": 0.0012 * blocks, "onnx": 0.0008 * blocks, "int8": 0.0005 * blocks}
        draws = stream(0, "latency", method)
        sparse = 4 * (weights - round(about["sparsity"] * MATRICES)) + MATRICES // 8
        record = {
            "set": "trec", "method": method, "target": target, "seed": 0, "blocks": about["blocks"],
            "parameters": weights, "nonzero": weights - round(about["sparsity"] * MATRICES),
            "bytes_safetensors": 4 * weights, "bytes_sparse": sparse if about["sparsity"] else None,
            "bytes_onnx": 4 * weights + 90_000, "bytes_int8": weights + 200_000, "threads": 1,
            "seconds": {name: [s * (1 + 0.05 * draws.random()) for _ in range(repeats)] for name, s in slow.items()},
            "logit_difference": 2e-6, "accuracy_torch": 88.0, "accuracy_onnx": 88.0, "accuracy_int8": 87.8,
        }  # fmt: skip
        path = folder / "dpcompress/exported" / method / "measured.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, record)
        paths.append(path)
    return paths


@pytest.fixture
def write_classifiers(tmp_path):
    """write_classifiers(change, seeds, methods, levels): paths of records, each changed by `change`."""
    return partial(written, tmp_path)


@pytest.fixture
def write_measured(tmp_path):
    """write_measured(methods, repeats, target): paths of records of exported models."""
    return partial(measured, tmp_path)


def tables_of(folder, models, sizes):
    """Write the tables that others read; return the path of `dpcompress`."""
    write_table(dpcompress_models.table(models), folder / "dpcompress_models.csv")
    write_table(exported.table(sizes), folder / "exported.csv")
    files = {"models": folder / "dpcompress_models.csv", "exported": folder / "exported.csv"}
    write_table(dpcompress.table(**files), folder / "dpcompress.csv")
    return folder / "dpcompress.csv"


@pytest.fixture(scope="session")
def accuracies(tmp_path_factory):
    """The table `dpcompress` of all records, as a file beside those that it is made from."""
    folder = tmp_path_factory.mktemp("dpcompress")
    return tables_of(folder, written(folder), measured(folder))


@pytest.fixture
def make_accuracies(tmp_path):
    """make_accuracies(exported, **options of write_classifiers): the table `dpcompress` of few records, as a file."""

    def make(exported=EXPORTED, **options):
        return tables_of(tmp_path, written(tmp_path, **options), measured(tmp_path, exported))

    return make
