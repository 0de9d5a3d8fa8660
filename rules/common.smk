# What the rules share: the validated experiment, the rounds of its scenarios, and what makes a job run again.
import ast
import os
from pathlib import Path

import grimp

LIBRARY = Path(workflow.basedir) / "workflow_scripts"
sys.path.insert(0, str(LIBRARY))

from privatune.core.errors import PrivatuneError
from privatune.experiment import INITIAL, experiment

try:
    E = experiment(config)
except PrivatuneError as error:
    raise WorkflowError(str(error)) from None

OUT = E.output
GRAPH = grimp.build_graph("privatune", cache_dir=None)


def plain(settings):
    """Settings as Snakemake compares them: plain values, keys sorted at every depth."""
    if hasattr(settings, "model_dump"):
        settings = settings.model_dump(mode="json")
    if isinstance(settings, dict):
        return {key: plain(settings[key]) for key in sorted(settings)}
    return [plain(value) for value in settings] if isinstance(settings, list | tuple) else settings


def code(script, *modules):
    """The library's files that a script reaches by import, and those of parts that it loads by name."""
    tree = ast.parse((LIBRARY / f"{script}.py").read_text())
    named = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    reached = {name for name in named | set(modules) if name in GRAPH.modules}
    for name in tuple(reached):
        reached |= GRAPH.find_upstream_modules(name)
    files = [LIBRARY.joinpath(*name.split(".")).with_suffix(".py") for name in sorted(reached)]
    return [os.path.relpath(file) for file in files if file.exists()]


def numerics(threads):
    """How a numeric job computes; its threads are part of the result, unlike those that Snakemake schedules."""
    return {"device": E.device, "precision": E.precision, "threads": threads}


def kept_rounds(scenario):
    """Rounds whose models are kept and evaluated."""
    if scenario == INITIAL:
        return [0]
    last = E.scenarios[scenario].cohort.rounds
    return sorted({round for round in E.report.rounds if 0 < round < last} | {last})


def written_rounds(scenario):
    """Rounds whose models reach the disk: all, or the ends of the blocks that one job runs."""
    last, block = E.scenarios[scenario].cohort.rounds, E.execution.rounds_per_job
    return sorted({*kept_rounds(scenario), *range(block, last + 1, block)})


def round_before(wildcards):
    """The written round that a round goes on from; 0 is the general model."""
    return max((r for r in written_rounds(wildcards.scenario) if r < int(wildcards.round)), default=0)


def seeds_of(scenario):
    return E.seeds if scenario != INITIAL else E.seeds[:1]


EVALUATED = [(s, seed, r) for s in E.run for seed in seeds_of(s) for r in kept_rounds(s)]
EVALUATIONS = [f"{OUT}/evaluation/{s}/seed-{seed}/round-{r}.json" for s, seed, r in EVALUATED]
TRAINED = [(s, seed, r) for s in E.run if s != INITIAL for seed in E.seeds for r in written_rounds(s)]
CLIENTS = [f"{OUT}/federated/{s}/seed-{seed}/round-{r}/clients.csv" for s, seed, r in TRAINED]
COSTS = [f"{OUT}/costs/{s}/client-{n}.json" for s in E.report.cost_scenarios for n in range(E.report.cost_clients)]
BENCHMARKS = []  # of the stages below, each of which adds its own


wildcard_constraints:
    scenario="|".join(E.scenarios) + f"|{INITIAL}",
    seed=r"\d+",
    round=r"\d+",
    batch=r"\d+",
    precision="float32|bfloat16",
