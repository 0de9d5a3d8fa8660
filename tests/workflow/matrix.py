"""For every key of the configuration: what runs after a change of its value, beside what its declaration says.

`python matrix.py FOLDER FOLDER` shares the keys among as many processes as it is given copies of a finished tiny run,
plans one configuration after another in these, and prints what it found as JSON.
"""

import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, islice
from pathlib import Path

import yaml
from keys import (
    accepted,
    at,
    chosen_names,
    declared,
    keys,
    kinds_fit,
    names_in,
    other_values,
    places,
    replaced,
    stated,
    with_kinds,
)
from planning import ROOT, alone, following, plan

from privatune.experiment import merged

TARGETS = ["all", "popov", "compression", "compression_full", "dpfedavg"]
# what the tiny run lacks: a round that nothing but `keep_every` keeps, methods of `compression_full`, a variant whose
# noise follows from an epsilon
MORE = {
    "federation": {"cohort": {"rounds": 3}},
    "report": {"keep_every": 3},
    "popov": {"rounds": [1, 3]},
    "compression": {"full": ["averaging-dense", "gradient-half"]},
    "dpfedavg": {
        "variants": {"aimed": {"privacy": {"target_epsilon": 1000}}},
        "run": ["fedavg", "private", "aimed"],
    },
}


def started():
    """The configuration that every case changes: of the tiny run, and more."""
    files = [yaml.safe_load((ROOT / "config" / name).read_text()) for name in ("config.yaml", "tiny.yaml")]
    return merged(merged(*files), MORE)


def cases(start, used):
    """Keys and where each stands, by the configuration in which its value is changed; and keys that stand nowhere."""
    values, found, nowhere = accepted(start), {}, []
    for key in keys():
        there = [place for place in places(key, values) if not tuned(place, values)]
        there.sort(key=lambda place: not kinds_fit(key, place, values))
        if "through" in declared(key.place[:1], values) and not kinds_fit(key, there[0], values):
            continue  # alternatives are tried where they arrive
        there.sort(key=lambda place: not all(name in used for _, name in chosen_names(place)))
        configs = ((start if kinds_fit(key, p, values) else with_kinds(start, key, p), p) for p in there)
        config, place = next(((config, p) for config, p in configs if accepted(config)), (None, None))
        if place:
            others = [p for p in there if p != place and config is start and kinds_fit(key, p, values)]
            found.setdefault(json.dumps(config), (config, []))[1].append((key, [place, *others]))
        else:
            nowhere.append(str(key))
    return list(found.values()), nowhere


def tuned(place, values):
    """Whether a method's grid has values of its own for this setting of its codec."""
    method = at(values, place[:-2])
    return isinstance(method, dict) and place[-1] in (method.get("parameter") or {})


def differences(old, new, place=()):
    """Places where two configurations, as plain values, differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in {**old, **new}:
            yield from differences(old.get(name), new.get(name), (*place, name))
    elif old != new:
        yield place


def about(plan, name, names):
    """Whether a job is about chosen names: its wildcards say so, or those of jobs before it, or of jobs after it."""
    for wildcard, value in names:
        near = ([name], plan.jobs[name].before, plan.after[name])
        said = ([plan.jobs[n].wildcards[wildcard] for n in jobs if wildcard in plan.jobs[n].wildcards] for jobs in near)
        if value not in next(filter(None, said), [value]):
            return False
    return True


def touched(plan, place, values):
    """Names of the jobs that a change at a place touches by itself."""
    for declaration in declared(place, values).get("touches", []):
        rule, _, reader = declaration.partition(" > ")
        for name, job in plan.jobs.items():
            read = {plan.jobs[other].rule for other in plan.after[name]}
            if job.rule == rule and (not reader or reader in read) and about(plan, name, chosen_names(place)):
                yield name


def compared(old, new, before, after):
    """What runs where one configuration becomes another, beside what should; `old` and `new` are their plans."""
    values, before = accepted(after), accepted(before)
    changed = list(differences(before, values))
    moved = [job for a, b in ((old, new), (new, old)) for name, job in a.jobs.items() if name not in b.jobs]
    files = frozenset().union(*(job.products for job in moved))
    kept = [name for name, job in new.jobs.items() if name in old.jobs and job.products]  # a target has none
    rewired = [name for name in kept if (new.jobs[name].inputs ^ old.jobs[name].inputs) & files]
    start = [*rewired, *(name for name in new.jobs.keys() - old.jobs.keys() if not new.jobs[name].there)]
    start += [name for place in changed for name in touched(new, place, values)]
    should = following(new, start)
    said = [declared(place, values) for place in changed]
    known = {rule for says in said for rule in [*says.get("adds", []), *says.get("touches", [])]}
    same = [(old.jobs[name], job) for name, job in new.jobs.items() if name in old.jobs]
    return {
        "undeclared": [".".join(map(str, place)) for place, says in zip(changed, said, strict=True) if not says],
        "runs though it should not": sorted(new.runs - should),
        "should run and does not": sorted(should - new.runs),
        "come or gone undeclared": [] if "*" in known else sorted({job.rule for job in moved} - known),
        "own settings or files changed": sorted(
            {job.rule for was, job in same if (was.settings, was.inputs) != (job.settings, job.inputs)}
        ),
        "come or gone": sorted({job.rule for job in moved}),
        "declared": sorted(known),
        "reached": len(new.runs | should) + len(moved),
    }


def of_key(folder, old, config, key, there):
    """What a change of one key does: the first that any job notices, of some values and places."""
    start, names = accepted(config), list(dict.fromkeys(names_in(config)))

    def changes(place):
        old = stated(config, key, place, start)
        new = (replaced(old, place, value) for value in other_values(key.node, at(start, place), names))
        return ((place, after) for after in new if accepted(after) not in (None, start))

    found = {"declared": ["another value that is accepted"], "reached": 0}
    tried = chain.from_iterable(islice(changes(place), 1) for place in there[:4])
    for place, after in chain(tried, islice(changes(there[0]), 1, 3)):
        new = alone(plan, folder, after, TARGETS)
        found = {"place": ".".join(map(str, place)), "value": repr(at(after, place))}
        found |= compared(old, new, config, after)
        if found["reached"]:
            break
    return found


def noticed(found, new):
    """What a change of order does: it counts for some of the jobs that the value touches, one at least."""
    return found | ({"should run and does not": []} if new.runs else {})


def is_list(key):
    return key.node.get("type") == "array"


def results(folder, work):
    """Results of a share of the cases, in one copy of the finished run."""
    found, start = {}, started()
    base = alone(plan, folder, start, TARGETS)
    for config, of_config in work:
        old = base
        if config != start:  # an alternative is a change, too, and then what its keys start from
            old = alone(plan, folder, config, TARGETS, ROOT, True)
            kinds = f"{of_config[0][0].kinds}"
            found[kinds] = compared(base, old, start, config)
        for key, there in of_config:
            found[str(key)] = of_key(folder, old, config, key, there)
            after = replaced(config, there[0], (at(accepted(config), there[0]) or [])[::-1]) if is_list(key) else None
            if after and accepted(after) not in (None, accepted(config)):
                new = alone(plan, folder, after, TARGETS)  # order, which Snakemake does not see by itself
                found[f"{key}, in another order"] = noticed(compared(old, new, config, after), new)
        if config != start:
            alone(plan, folder, start, TARGETS, ROOT, True)
    return found


def main(folders):
    """All results, by key."""
    start = started()
    for folder in folders:
        base = alone(plan, folder, start, TARGETS, ROOT, True)
    groups, nowhere = cases(start, {value for job in base.jobs.values() for value in job.wildcards.values()})
    parts = [(config, pairs[n : n + 15]) for config, pairs in groups for n in range(0, len(pairs), 15)]
    shares = [parts[n :: len(folders)] for n in range(len(folders))]
    with ProcessPoolExecutor(len(folders), multiprocessing.get_context("fork")) as pool:
        found = {key: result for part in pool.map(results, folders, shares) for key, result in part.items()}
    return {"nowhere": nowhere, "found": found}


if __name__ == "__main__":
    json.dump(main([Path(folder) for folder in sys.argv[1:]]), sys.stdout)
