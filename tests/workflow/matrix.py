"""For every key of the configuration: which rules run again after a change of its value, and which get other jobs.

`python tests/workflow/matrix.py` walks over all keys and writes docs/re-runs.csv; test_reruns.py compares. What runs
again is what Snakemake plans in a folder that counts as finished, so nothing is computed.
"""

import csv
import io
import json
import multiprocessing
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, islice
from pathlib import Path

import yaml
from keys import PASSED_ON, accepted, at, keys, kinds_fit, names_in, other_values, places, replaced, stated, with_kinds
from planning import ROOT, alone, following, plan

from privatune.core.files import write_bytes
from privatune.core.merging import merged

PAGE = ROOT / "docs/re-runs.csv"
COLUMNS = ["key", "example", "runs again", "follows", "added", "removed"]
TARGETS = ["all", "compression_full", "precision", "export"]
# what the tiny run lacks: a round that nothing but `keep_every` keeps, methods of `compression_full`, a variant whose
# noise follows from an epsilon
MORE = {
    "federation": {"cohort": {"rounds": 3}},
    "scenarios": {"averaging-rehearsal": {"cohort": {"persons_per_device": 1}}},  # the tail refuses pooled persons
    "report": {"keep_every": 3},
    "popov": {"rounds": [1, 3]},
    "compression": {"full": ["averaging-dense", "gradient-half"]},
    "dpfedavg": {
        "variants": {"aimed": {"privacy": {"target_epsilon": 1000}}},
        "run": ["fedavg", "dp", "aimed"],
    },
    "dpcompress": {
        "run": ["probe", "full", "dpkd", "distil-public", "drop-blocks", "prune", "mask-random"],
        "curve": {"epsilons": [1], "methods": ["full"]},
    },
    "export": {"run": ["general", "averaging-rehearsal", "dp-fedavg", "classifier", "probe"]},
}
# alternatives that no exported classifier of dpzero may have are tried without it
UNEXPORTED = {"export": {"run": [name for name in MORE["export"]["run"] if name != "probe"]}}
# other ways to cut the work into jobs, which have rules of their own
CUTS = ({"execution": {"rounds_per_job": 2}}, {"execution": {"dp_shards": 2}})


def started():
    """The configuration that every case changes: of the tiny run, and more."""
    files = [yaml.safe_load((ROOT / "config" / name).read_text()) for name in ("config.yaml", "tiny.yaml")]
    return merged(merged(*files), MORE)


def cases(start, used):
    """Keys and the places of each, by the configuration in which its value is changed; and keys that have no place.

    Args:
        start: the configuration.
        used: names that jobs of its plan have: a change of what has one is seen.
    """
    values, found, nowhere = accepted(start), {}, []
    for key in keys():
        there = [place for place in places(key, values) if not tuned(place, values)]
        there.sort(key=lambda place: not kinds_fit(key, place, values))
        if key.place[0] in PASSED_ON and not kinds_fit(key, there[0], values):
            continue  # alternatives are tried where they arrive
        there.sort(key=lambda place: not all(step in used for step in place if step in names_below(key, place)))
        fitting = ((start if kinds_fit(key, p, values) else with_kinds(start, key, p), p) for p in there)
        configs = ((config, p) for whole, p in fitting for config in (whole, merged(whole, UNEXPORTED)))
        config, place = next(((config, p) for config, p in configs if accepted(config)), (None, None))
        if place:
            others = [p for p in there if p != place and config is start and kinds_fit(key, p, values)]
            found.setdefault(json.dumps(config), (config, []))[1].append((key, [place, *others]))
        else:
            nowhere.append(str(key))
    return list(found.values()), nowhere


def names_below(key, place):
    """The names that the user chose on the way to a place of a key."""
    return [step for general, step in zip(key.place, place, strict=True) if general != step]


def tuned(place, values):
    """Whether a method's grid has values of its own for this setting of its codec."""
    method = at(values, place[:-2])
    return isinstance(method, dict) and place[-1] in (method.get("parameter") or {})


def compared(old, new):
    """What runs where one plan of a finished run becomes another, and whether that is what depends on the change."""
    both = [name for name in new.jobs if name in old.jobs and new.jobs[name].products]  # a target has none
    changed = [
        name
        for name in both
        if (old.jobs[name].settings, old.jobs[name].inputs) != (new.jobs[name].settings, new.jobs[name].inputs)
    ]
    added = [name for name in new.jobs if name not in old.jobs]
    should = following(new, [*changed, *(name for name in added if not new.jobs[name].there)])

    def rules(plan, names):
        return sorted({plan.jobs[name].rule for name in names if plan.jobs[name].products})

    again = rules(new, new.runs & set(changed))
    return {
        "runs again": again,
        "follows": sorted(set(rules(new, new.runs & set(both) - set(changed))) - set(again)),
        "added": rules(new, added),
        "removed": rules(old, [name for name in old.jobs if name not in new.jobs]),
        "runs though it should not": sorted(new.runs - should),
        "should run and does not": sorted(should - new.runs),
    }


def noticed(found):
    return any(found[column] for column in COLUMNS[2:])


def of_key(folder, old, config, key, there):
    """What a change of one key does: the first that any job notices, of some values and places."""
    start, names = accepted(config), list(dict.fromkeys(names_in(config)))

    def changes(place):
        before = stated(config, key, place, start)
        new = (replaced(before, place, value) for value in other_values(key.node, at(start, place), names))
        return ((place, after) for after in new if accepted(after) not in (None, start))

    found = None
    tried = chain.from_iterable(islice(changes(place), 1) for place in there[:4])
    for place, after in chain(tried, islice(changes(there[0]), 1, 3)):
        found = {"example": ".".join(map(str, place)), **compared(old, alone(plan, folder, after, TARGETS))}
        if noticed(found):
            break
    return found


def results(scratch, start, label, config, of_config):
    """Results of some cases, in this process's folder, which counts as a finished run of `start`."""
    found, folder = {}, scratch / str(os.getpid())
    folder.mkdir(exist_ok=True)
    alone(plan, folder, start, TARGETS, ROOT, True)
    old = alone(plan, folder, start, TARGETS)
    if config != start:  # an alternative is a change, too, and then what its keys start from
        new = alone(plan, folder, config, TARGETS, ROOT, True)
        found[f"{of_config[0][0].alternatives.strip()}{label}"] = {"example": "", **compared(old, new)}
        old = alone(plan, folder, config, TARGETS)
    for key, there in of_config:
        found[f"{key}{label}"] = of_key(folder, old, config, key, there)
        backwards = (at(accepted(config), there[0]) or [])[::-1] if key.node.get("type") == "array" else []
        after = replaced(config, there[0], backwards)
        if len(backwards) > 1 and accepted(after) not in (None, accepted(config)):
            new = alone(plan, folder, after, TARGETS)  # order, which Snakemake does not see by itself
            found[f"{key}, in another order{label}"] = {
                "example": ".".join(map(str, there[0])),
                **compared(old, new),
            }
    return found


def walk(processes):
    """Results of every key, and keys that no configuration has."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
            plain, nowhere = shared(started(), "", pool, scratch, lambda key: True)
            found = dict(plain)
            for cut in CUTS:
                label = f" (with {json.dumps(cut).replace(chr(34), '')[1:-1]})"
                start = merged(started(), cut)
                rules = {job.rule for job in alone(plan, scratch, start, TARGETS).jobs.values()}
                # of the keys that concern rules which this cut replaces
                concerned = {
                    key for key, result in plain.items() if result and {*result["runs again"], *result["added"]} - rules
                }
                found |= shared(start, label, pool, scratch, lambda key, names=concerned: str(key) in names)[0]
    return found, nowhere


def shared(start, label, pool, scratch, chosen):
    """Results of the chosen keys of one configuration, shared among processes."""
    jobs = alone(plan, scratch, start, TARGETS).jobs
    groups, nowhere = cases(start, {value for job in jobs.values() for value in job.wildcards.values()})
    groups = [(config, [pair for pair in pairs if chosen(pair[0])]) for config, pairs in groups]
    parts = [(start, label, config, pairs[n : n + 30]) for config, pairs in groups for n in range(0, len(pairs), 30)]
    parts.sort(key=lambda part: -len(part[3]))  # the longest first, so that all processes end at about the same time
    done = pool.map(results, [scratch] * len(parts), *zip(*parts, strict=True))
    found = {key: result for part in done for key, result in part.items()}
    return dict(sorted(found.items())), nowhere


def page(found):
    """The text of docs/re-runs.csv."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for key, result in sorted((key, result) for key, result in found.items() if result):
        rows.writerow([key, result["example"], *(" ".join(result[column]) for column in COLUMNS[2:])])
    return text.getvalue()


if __name__ == "__main__":
    write_bytes(PAGE, page(walk(len(os.sched_getaffinity(0)))[0]).encode())
