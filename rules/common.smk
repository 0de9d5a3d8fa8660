# What the rules share: the validated experiment, the rounds of its scenarios, and what makes a job run again.
import ast
import functools
import os
import re
from pathlib import Path

import grimp

LIBRARY = Path(workflow.basedir) / "workflow_scripts"
sys.path.insert(0, str(LIBRARY))

from privatune.core.errors import PrivatuneError
from privatune.experiment import INITIAL, experiment
from privatune.resources import needs, on_gpu, sizes
from privatune.sweeps import swept

try:
    E = experiment(config)
    SWEPT = swept(config)
except PrivatuneError as error:
    raise WorkflowError(str(error)) from None

if workflow.remote_exec and "auto" in (config.get("device", "auto"), config.get("precision", "auto")):
    raise WorkflowError(
        "config: `device`, `precision`: every machine of a cluster would decide for itself what auto is, and results "
        "would differ; state both: --config device=cpu precision=float32"
    )

OUT = E.output
SIZES = sizes(E)
GRAPH = grimp.build_graph("privatune", cache_dir=None)


def plain(settings):
    """Settings as Snakemake compares them: plain values, keys sorted at every depth."""
    if hasattr(settings, "model_dump"):
        settings = settings.model_dump(mode="json")
    if isinstance(settings, dict):
        return {key: plain(settings[key]) for key in sorted(settings)}
    return [plain(value) for value in settings] if isinstance(settings, list | tuple) else settings


@functools.cache  # asked once a job, and a chain of rounds has thousands
def code(script, *modules):
    """The library's files that a script reaches by import, and those of parts that it loads by name."""
    tree = ast.parse((LIBRARY / f"{script}.py").read_text())
    named = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    reached = {name for name in named | set(modules) if name in GRAPH.modules}
    for name in tuple(reached):
        reached |= GRAPH.find_upstream_modules(name)
    files = [LIBRARY.joinpath(*name.split(".")).with_suffix(".py") for name in sorted(reached)]
    return [os.path.relpath(file) for file in files if file.exists()]


def asked(stage):
    """Resources of a stage's jobs. A job that failed gets as much again: it may have been killed for want of them."""

    def scaled(place):
        return lambda wildcards, attempt: attempt * needs(stage, SIZES, dict(wildcards.items()))[place]

    return {"mem_mb": scaled(0), "runtime": scaled(1)} | ({"gpu": 1} if on_gpu(stage, E) else {})


def numerics(threads):
    """How a numeric job computes; its threads are part of the result, unlike those that Snakemake schedules."""
    return {"device": E.device, "precision": E.precision, "threads": threads}


def evaluated_rounds(scenario):
    """Rounds that the main job evaluates."""
    if scenario == INITIAL:
        return [0]
    last = E.scenarios[scenario].cohort.rounds
    return sorted({round for round in E.report.rounds if 0 < round < last} | {last})


def replicated_rounds(scenario):
    """Rounds that the target `popov` evaluates under each of its seeds."""
    if scenario == INITIAL:
        return [0]
    last = E.scenarios[scenario].cohort.rounds
    return sorted({min(round, last) for round in E.popov.rounds})


def kept_rounds(scenario):
    """Rounds whose models are kept."""
    if scenario == INITIAL:
        return [0]
    regular = range(E.report.keep_every, E.scenarios[scenario].cohort.rounds + 1, E.report.keep_every)
    return sorted({*evaluated_rounds(scenario), *regular})


def lasting_rounds(scenario):
    """Rounds whose models some target keeps."""
    paired = [1] if scenario == E.tail.scenario else []
    return sorted({*kept_rounds(scenario), *replicated_rounds(scenario), *paired})


def written_rounds(scenario):
    """Rounds whose models reach the disk: all, or the ends of the blocks that one job runs."""
    last, block = E.scenarios[scenario].cohort.rounds, E.execution.rounds_per_job
    return sorted({*lasting_rounds(scenario), *range(block, last + 1, block)})


def round_before(wildcards):
    """The written round that a round goes on from; 0 is the general model."""
    return max((r for r in written_rounds(wildcards.scenario) if r < int(wildcards.round)), default=0)


def seeds_of(scenario):
    return E.seeds if scenario != INITIAL else E.seeds[:1]


def popov_seeds(scenario):
    return E.popov.seeds if scenario != INITIAL else E.seeds[:1]


EVALUATED = [(s, seed, r) for s in E.run for seed in seeds_of(s) for r in evaluated_rounds(s)]
EVALUATIONS = [f"{OUT}/evaluation/{s}/seed-{seed}/round-{r}.json" for s, seed, r in EVALUATED]
TRAINED = [(s, seed, r) for s in E.run if s != INITIAL for seed in E.seeds for r in written_rounds(s)]
CLIENTS = [f"{OUT}/federated/{s}/seed-{seed}/round-{r}/clients.csv" for s, seed, r in TRAINED]
KEPT = [f"{OUT}/models/{s}/seed-{seed}/round-{r}.safetensors" for s, seed, r in TRAINED if r in kept_rounds(s)]
# the target `popov` adds replicates of the main job's models: many of each device alone, which one job trains and
# evaluates, and rounds of other scenarios
ALONE = [s for s in E.popov.scenarios if s != INITIAL and E.scenarios[s].cohort.alone]
REPLICATES = [
    model
    for model in dict.fromkeys(
        EVALUATED + [(s, seed, r) for s in E.popov.scenarios for seed in popov_seeds(s) for r in replicated_rounds(s)]
    )
    if model[0] not in ALONE or model in EVALUATED and model[1] not in E.popov.device_seeds
]
MEASURED = [(s, n) for s in E.report.cost_scenarios for n in range(E.report.cost_clients)]
COSTS = [f"{OUT}/costs/{s}/client-{n}.json" for s, n in MEASURED]
BENCHMARKS = []  # of the stages below, each of which adds its own
PRECISIONS = ["float32", "bfloat16"]
GENERAL_MODEL = f"{OUT}/general/{E.precision}/model.safetensors"
CURVE = f"{OUT}/general/{E.precision}/curve.csv"


def wheel_of(wildcards):
    """The wheel of a source that lies in a package."""
    source = E.sources[wildcards.source]
    return f"{OUT}/downloads/{source.package}-{source.version}.whl" if hasattr(source, "package") else []


def reading(source):
    """Settings of reading a source; the cleaning rules concern private text alone."""
    return {"source": source} | ({"cleaning": E.cleaning} if source.role == "private" else {})


def scenario_settings(wildcards, *parts):
    """Those settings of a scenario that a job uses; the number of rounds is not one, so that more can follow."""
    s = E.scenarios[wildcards.scenario]
    cohort = s.cohort.model_dump(exclude={"rounds"})
    return plain({part: getattr(s, part) if part != "cohort" else cohort for part in parts})


def round_model(wildcards):
    """The model that a round starts from: the kept one where it lasts, or where an earlier run ended with it."""
    before = round_before(wildcards)
    place = f"{wildcards.scenario}/seed-{wildcards.seed}/round-{before}"
    kept, passing = f"{OUT}/models/{place}.safetensors", f"{OUT}/federated/{place}/model.safetensors"
    if before == 0:
        return GENERAL_MODEL
    return kept if before in lasting_rounds(wildcards.scenario) or os.path.exists(kept) else passing


def batches(scenario):
    """Jobs of a round."""
    return range(-(-E.scenarios[scenario].cohort.size // E.execution.clients_per_job))


def trained_by(scenario):
    """Whose clients a scenario's round joins: of scenarios of one round that differ in the server alone, the first's."""
    s = E.scenarios[scenario]
    alike = [n for n, o in E.scenarios.items() if (o.client, o.codec, o.cohort) == (s.client, s.codec, s.cohort)]
    return alike[0] if s.cohort.rounds == 1 else scenario


def round_batches(wildcards):
    """Folders of payloads that a round joins."""
    scenario = trained_by(wildcards.scenario)
    round = f"{OUT}/federated/{scenario}/seed-{wildcards.seed}/round-{wildcards.round}"
    return [f"{round}/batch-{batch}" for batch in batches(wildcards.scenario)]


def read_by_server(wildcards):
    """General text, for a server method that reads it."""
    real = getattr(E.scenarios[wildcards.scenario].server, "text", None) == "real"
    return f"{OUT}/text/general-train.safetensors" if real else []


def chosen(wildcards, *parts):
    """Modules of the parts that a scenario names."""
    s = E.scenarios[wildcards.scenario]
    modules = {
        "objective": f"privatune.federation.objectives.{s.client.objective}",
        "codec": f"privatune.compression.codecs.{s.codec.name}",
        "server": f"privatune.federation.servers.{s.server.method}",
    }
    return [modules[part] for part in parts]


def evaluated_model(wildcards):
    """The kept model of a scenario, or the general one."""
    kept = f"{OUT}/models/{wildcards.scenario}/seed-{wildcards.seed}/round-{wildcards.round}.safetensors"
    return GENERAL_MODEL if wildcards.scenario == INITIAL else kept


def followed(methods):
    """Measured runs of some methods."""
    return [f"{OUT}/compression/{m}/seed-{seed}.json" for m in methods for seed in E.compression.seeds]


def tunings(methods):
    return [f"{OUT}/compression/{m}/tuning.json" for m in methods]


def method_code(wildcards):
    """Modules that a method loads by name."""
    choice = E.compression.choices(wildcards.method)[0]
    codecs = {choice.codec.name, choice.down_codec().name, choice.download.name}
    return [
        f"privatune.federation.objectives.{choice.client.objective}",
        *(f"privatune.compression.codecs.{codec}" for codec in sorted(codecs)),
    ]


def compression_settings(**others):
    """What every job of the comparison uses; its model is small, so float32 costs little."""
    small = {"numerics": numerics(1) | {"precision": "float32"}, "vocabulary": E.compression.vocabulary}
    return plain(small | others)


def private_terms(wildcards):
    """What a variant's mechanism and its epsilon follow from."""
    variant, training = E.dpfedavg.variants[wildcards.variant], E.dpfedavg.training
    return plain(
        {
            "carriers": training.canaries.carriers if variant.carriers else 0,
            "cohort": training.cohort,
            "participation": training.canaries.participation if variant.carriers else 0.0,
            "privacy": variant.privacy,
            "rounds": training.rounds,
        }
    )


def private_settings(wildcards):
    """What every job of a variant's training uses beside its mechanism."""
    variant, training = E.dpfedavg.variants[wildcards.variant], E.dpfedavg.training
    planted = training.canaries.model_dump(exclude={"participation", "references"})
    # `secrets` lies beside the results, not in them: what `make clean` removes can be made again, a secret cannot
    return plain(
        {
            "canaries": planted if variant.carriers else None,
            "client": training.client,
            "numerics": numerics(1) | {"precision": "float32"},
            "optimiser": training.optimiser,
            "secrets": "secrets" if variant.privacy.secure else None,
            "slots": max(1, E.execution.private_slots),
            "vocabulary": training.vocabulary,
        }
    )


def private_state(wildcards):
    """What a private round goes on from; the first one from the model alone."""
    before = int(wildcards.round) - 1
    chain = f"{OUT}/dpfedavg/{wildcards.variant}/seed-{wildcards.seed}"
    return f"{chain}/round-{before}/state.safetensors" if before else []


def private_sums(wildcards):
    """The sums of a round's slots."""
    round = f"{OUT}/dpfedavg/{wildcards.variant}/seed-{wildcards.seed}/round-{wildcards.round}"
    return [f"{round}/slot-{slot}.safetensors" for slot in range(E.execution.private_slots)]


wildcard_constraints:
    scenario="|".join(map(re.escape, [*E.scenarios, INITIAL])),
    seed=r"\d+",
    round=r"\d+",
    batch=r"\d+",
    precision="|".join(PRECISIONS),
