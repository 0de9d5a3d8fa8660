# Code that the rules of several systems share: the validated experiment, what makes a job run again, and the registry
# of tables, figures and targets, to which each system's rule file adds its own.
import ast
import functools
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import grimp
import yaml

LIBRARY = Path(workflow.basedir) / "workflow_scripts"
sys.path.insert(0, str(LIBRARY))

from privatune.core.errors import PrivatuneError
from privatune.core.merging import ordered
from privatune.core.written import LOADER, check_written
from privatune.experiment import experiment
from privatune.federation.settings import INITIAL
from privatune.planning.requests import needs, requested
from privatune.sweeps import swept

DEFAULT = yaml.load(Path(DEFAULTS).read_text(), LOADER)

try:
    for file in workflow.configfiles:  # Snakemake has read them; what it then no longer shows is seen here
        check_written(min(str(file), os.path.relpath(file), key=len))
    # Snakemake puts the keys of --configfile first; an entry that is laid over a default one keeps its place
    stated = ordered(config, DEFAULT)
    E = experiment(stated)
    SWEPT = swept(stated)
except PrivatuneError as error:
    raise WorkflowError(str(error)) from None

if workflow.remote_exec and "auto" in (config.get("accelerator", "auto"), config.get("precision", "auto")):
    raise WorkflowError(
        "config: `accelerator`, `precision`: each machine of a cluster would choose its own value for auto, and results "
        "would differ; set both: --config accelerator=cpu precision=float32"
    )

OUT = E.output
STAGES = requested(E)
GRAPH = grimp.build_graph("privatune", cache_dir=None)
PRECISIONS = ["float32", "bfloat16"]
GENERAL_MODEL = f"{OUT}/general/{E.precision}/model.safetensors"
CURVE = f"{OUT}/general/{E.precision}/curve.csv"
BENCHMARKS = []  # benchmark files of the target `main`, to which each rule file adds its own


include: "functions/records.smk"


class Part(NamedTuple):
    """A table or a figure: its owner, its category in the report, and what it is made from."""

    owner: str  # `report`, or a system of privatune.systems
    category: str
    files: dict
    settings: dict = {}
    made_by: str | None = None  # a module of the library; None means the owner's module with the part's name


class Target(NamedTuple):
    """What a target makes: tables and figures by name, and other files."""

    parts: list
    files: list = []
    in_all: bool = True  # whether it is a system, whose parts and claims the target `all` includes


TABLES, FIGURES, TARGETS = {}, {}, {}  # parts and targets by name; each rule file adds its own
PAGES = {}  # sections of the page by the target that makes their tables
# what all systems read of the configuration, if they train language models and if they train classifiers
TEXT_KEYS = ["cleaning", "general", "private", "seed", "sources", "text"]
SENTENCE_KEYS = ["encoders", "seed", "sentences", "sources"]


def not_taken(name):
    """Return the name of a scenario or sweep, which becomes a target; refuse it if a rule or target has it already."""
    if name in {known.name for known in workflow.rules}:
        raise WorkflowError(f"config: `scenarios.{name}`: {name} is the name of a rule or target; choose another name")
    return name


def table_file(table):
    """Return the file of a result table that other parts read."""
    return f"{OUT}/tables/{table}.csv"


def claims(system, **files):
    """Return the table that judges a system's claims by other tables."""
    return Part(system, "Claims", files, {"system": system}, "report.tables.claims")


def page(system, *tables, room="page", keys, sizes):
    """Return the section of the page that a module of a system makes from tables.

    It shows sizes, and which values differ from the default under these keys of the configuration's first level.
    """
    files = {name: table_file(name) for name in tables}
    return Part(system, "Page", files, {"keys": keys, "sizes": sizes}, f"systems.{system}.{room}")


def plain(settings):
    """Return settings in the form that Snakemake compares: plain values, with keys sorted at every depth."""
    if hasattr(settings, "model_dump"):
        settings = settings.model_dump(mode="json")
    if isinstance(settings, dict):
        return {key: plain(settings[key]) for key in sorted(settings)}
    return [plain(value) for value in settings] if isinstance(settings, list | tuple) else settings


@functools.cache  # it is called once per job, and a chain of rounds has thousands of jobs
def code(script, *modules):
    """Return the library's files that a script imports, directly or not, and those of parts that it loads by name."""
    tree = ast.parse((LIBRARY / f"{script}.py").read_text())
    named = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    reached = {name for name in named | set(modules) if name in GRAPH.modules}
    for name in tuple(reached):
        reached |= GRAPH.find_upstream_modules(name)
    files = [LIBRARY.joinpath(*name.split(".")).with_suffix(".py") for name in sorted(reached)]
    return [os.path.relpath(file) for file in files if file.exists()]


def asked(rule):
    """Return the resources of a rule's jobs; each attempt gets more, as a lack of them may have killed the last one."""
    stage, cuda = STAGES.get(rule), E.accelerator == "cuda"
    if stage is None:
        raise WorkflowError(f"no stage describes the work of rule {rule}; add one to stages.py of its system")

    def scaled(place):
        return lambda wildcards, attempt: attempt * needs(stage, dict(wildcards.items()), cuda)[place]

    return {"mem_mb": scaled(0), "runtime": scaled(1)} | ({"gpu": 1} if cuda and stage.accelerated else {})


def numerics(threads):
    """Return how a numeric job computes; unlike the threads that Snakemake schedules, these affect the result."""
    return {"accelerator": E.accelerator, "precision": E.precision, "threads": threads}


wildcard_constraints:
    scenario="|".join(map(re.escape, [*E.scenarios, INITIAL])),
    seed=r"\d+",
    round=r"\d+",
    precision="|".join(PRECISIONS),
