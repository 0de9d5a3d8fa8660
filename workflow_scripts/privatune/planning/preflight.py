"""Look at the text and the plan before anything trains: what there is, how much it can show, and what it will take."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json
from privatune.core.tensors import map_tensors
from privatune.evaluation.measure import Sample, sample
from privatune.evaluation.resampling import clusters, resamples
from privatune.evaluation.settings import SampleSettings
from privatune.experiment import Experiment
from privatune.planning.jobs import leading_to
from privatune.planning.plan import Forecast, totals
from privatune.systems.dpfedavg.terms import terms
from privatune.text.settings import EOS, UNK
from privatune.text.streams import Stream, read_counts, read_stream

SAMPLES = {"general": "general-test", "user": "private-heldout", "later": "private-later"}
"""The samples that models are measured on, and the stream that each is drawn from."""


def preflight(
    e: Experiment, f: Forecast, files: Mapping[str, Any], targets: Sequence[str], cores: int
) -> dict[str, Any]:
    """Return what is known of an experiment whose text is encoded and of which nothing is trained.

    Args:
        e: the experiment.
        f: the forecast of all jobs of `targets`.
        files: `manifests` by source, `persons` (the counts of split_persons), `streams` by name (such as general-test)
            and `sentences`, the tokenised sets by name.
        targets: names of targets.
        cores: how many cores the run gets, besides those of this machine.

    Returns:
        sources: the manifests, by name; persons: what `split_persons` counted; streams: a list of the counts of each
        corpus in each stream; samples: a list, as `samples` returns it; sentences: a list, as `sets` returns it;
        guarantees: a list, as `guarantees` returns it; targets: a list, as `costs_of_targets` returns it; machine:
        memory_mb and disk_bytes that are free; errors: what the samples and the mechanisms refuse.
    """
    streams = {name: read_stream(path) for name, path in files["streams"].items()}
    training = streams["general-train"].ids
    words = np.bincount(training, minlength=e.text.vocabulary)
    found, refused = samples(e, streams, words)
    stated, void = guarantees(e, len(streams["private-train"].units))
    return {
        "sources": {name: read_json(path) for name, path in files["manifests"].items()},
        "persons": read_json(files["persons"]),
        "streams": [counts for path in files["streams"].values() for counts in read_counts(path)],
        "samples": found,
        "sentences": sets(files["sentences"]),
        "guarantees": stated,
        "targets": costs_of_targets(f, targets, cores),
        "machine": {
            "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6,
            "disk_bytes": shutil.disk_usage(Path(files["persons"]).parent).free,
        },
        "errors": [*refused, *void],
    }


def samples(
    e: Experiment, streams: Mapping[str, Stream], words: np.ndarray
) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Return the samples of `evaluation`, and what is refused in the samples of any section.

    Args:
        e: the experiment.
        streams: encoded text, by name.
        words: [vocabulary] how often the general training text has each word.

    Returns:
        One row per sample: name, asked and drawn (words), units (documents or persons), and error: the standard error
        of the perplexity of a model of single words, in percent, or null for a single chunk. That of a trained model
        has the same order of magnitude. Then pairs of the section's key and the message.
    """
    rows, refused = [], []
    sections: dict[str, SampleSettings] = {
        "": e.evaluation,
        "compression.": e.compression.evaluation,
        "dpfedavg.": e.dpfedavg.evaluation,
    }
    for section, settings in sections.items():
        for (name, stream), asked in zip(SAMPLES.items(), settings.words, strict=False):
            try:
                drawn = sample(streams[stream], asked, settings.chunk_tokens, e.seed, name)
            except PrivatuneError as error:
                refused.append((f"{section}evaluation", str(error)))
                continue
            if section:
                continue
            rows.append(
                {
                    "name": name,
                    "asked": asked,
                    "drawn": int(drawn.sizes.sum()),
                    "units": len(np.unique(drawn.units)),
                    "error": _error(drawn, words, (settings.resamples, e.seed, name)),
                }
            )
    return rows, refused


def _error(drawn: Sample, words: np.ndarray, draw: tuple[int, int, str]) -> float | None:
    """Percent of the perplexity of single words, from resamples of clusters."""
    ids, cluster = drawn.ids[:, 1:], clusters(drawn.units)
    count = int(cluster.max()) + 1
    known = (ids != EOS) & (ids != UNK) & drawn.targets
    nats = -np.log((words + 1.0) / (words.sum() + len(words)))[ids]
    sums, targets = (np.bincount(cluster, part.sum(1)) for part in (nats * known, known))
    if count < 2 or not targets.all():
        return None
    weights = resamples(count, *draw)
    return 100 * float(np.std((weights @ sums) / (weights @ targets)))


def sets(files: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return one row per set of sentences: name, n by part and label, cut, and error of an accuracy.

    The error is the standard error, in percentage points, of an accuracy of 50 % on the test part, where it is largest.
    """
    rows = []
    for name, path in files.items():
        _, about = map_tensors(path)
        error = 50 / float(np.sqrt(sum(about["n"]["test"])))
        rows.append({"name": name, "n": about["n"], "cut": about["cut"], "error": error})
    return rows


def guarantees(e: Experiment, persons: int) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """Return the guarantees of the variants of `dpfedavg`, and what is refused.

    Returns:
        One row per variant with noise: variant, epsilon, delta, adjacency, noise_multiplier and secure. Then pairs of
        the variant's key and the message.
    """
    rows, refused = [], []
    training = e.dpfedavg.training
    for name in e.dpfedavg.run:
        variant = e.dpfedavg.variants[name]
        try:  # without carriers of canaries, which change no epsilon of a person
            stated = terms(variant.privacy, persons, training.cohort.size, training.cohort.rounds, 0, 0.0)["guarantee"]
        except PrivatuneError as error:
            refused.append((f"dpfedavg.variants.{name}", str(error)))
            continue
        if stated:
            keys = ("epsilon", "delta", "adjacency", "noise_multiplier")
            rows.append({"variant": name, "secure": variant.privacy.secure} | {key: stated[key] for key in keys})
    return rows, refused


def costs_of_targets(f: Forecast, targets: Sequence[str], cores: int) -> list[dict[str, Any]]:
    """Return one row per target: target, jobs, to_do, hours (on `cores` and on all of this machine), memory and disk.

    hours maps a number of cores to the wall time of the jobs that are not done; memory_mb is that of the largest of
    them, and disk_bytes what the whole target takes at most.
    """
    rows = []
    waiting = f.to_do
    for target in targets:
        whole, left = leading_to(f.jobs, target), leading_to(waiting, target)
        every = totals(whole, f.stages, f.costs, cores, f.downloads)
        by_cores = {n: totals(left, f.stages, f.costs, n, f.downloads) for n in sorted({cores, os.cpu_count() or 1})}
        rows.append(
            {
                "target": target,
                "jobs": len(whole),
                "to_do": len(left),
                "hours": {str(n): of_cores["wall_hours"] for n, of_cores in by_cores.items()},
                "memory_mb": by_cores[cores]["memory_mb"],
                "disk_bytes": every["disk_bytes"],
            }
        )
    return rows
