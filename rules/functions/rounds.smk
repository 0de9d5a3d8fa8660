# Functions of rules/rounds.smk: which files and settings its jobs take.


def evaluated_rounds(scenario):
    """Return the rounds that the target `main` evaluates."""
    if scenario == INITIAL:
        return [0]
    last = E.scenarios[scenario].cohort.rounds
    return sorted({round for round in E.report.rounds if 0 < round < last} | {last})


def replicated_rounds(scenario):
    """Return the rounds that the target `popov` evaluates for each of its seeds."""
    if scenario == INITIAL:
        return [0]
    last = E.scenarios[scenario].cohort.rounds
    return sorted({min(round, last) for round in E.popov.rounds})


def kept_rounds(scenario):
    """Return the rounds whose models are kept."""
    if scenario == INITIAL:
        return [0]
    regular = range(E.report.keep_every, E.scenarios[scenario].cohort.rounds + 1, E.report.keep_every)
    return sorted({*evaluated_rounds(scenario), *regular})


def lasting_rounds(scenario):
    """Return the rounds whose models any target keeps."""
    paired = [1] if scenario == E.tail.scenario else []
    return sorted({*kept_rounds(scenario), *replicated_rounds(scenario), *paired})


def written_rounds(scenario):
    """Return the rounds whose models are written to disk: all, or the ends of the blocks that one job runs."""
    last, block = E.scenarios[scenario].cohort.rounds, E.execution.rounds_per_job
    return sorted({*lasting_rounds(scenario), *range(block, last + 1, block)})


def round_before(wildcards):
    """Return the written round that a round continues from; 0 is the general model."""
    return max((r for r in written_rounds(wildcards.scenario) if r < int(wildcards.round)), default=0)


def seeds_of(scenario):
    return E.seeds if scenario != INITIAL else E.seeds[:1]


def scenario_settings(wildcards, *parts):
    """Return the settings of a scenario that a job uses, without the number of rounds, so that more can be added."""
    s = E.scenarios[wildcards.scenario]
    cohort = s.cohort.model_dump(exclude={"rounds"})
    return plain({part: getattr(s, part) if part != "cohort" else cohort for part in parts})


def round_model(wildcards):
    """Return the model that a round starts from: the kept one if a target keeps it or an earlier run ended with it."""
    before = round_before(wildcards)
    place = f"{wildcards.scenario}/seed-{wildcards.seed}/round-{before}"
    kept, passing = f"{OUT}/models/{place}.safetensors", f"{OUT}/federated/{place}/model.safetensors"
    if before == 0:
        return GENERAL_MODEL
    return kept if before in lasting_rounds(wildcards.scenario) or os.path.exists(kept) else passing


def shards(scenario):
    """Return the numbers of a round's jobs."""
    return range(-(-E.scenarios[scenario].cohort.size // E.execution.clients_per_job))


def trained_by(scenario):
    """Return the scenario whose clients are joined; one-round scenarios that differ only in the server share them."""
    s = E.scenarios[scenario]
    alike = [n for n, o in E.scenarios.items() if (o.client, o.codec, o.cohort) == (s.client, s.codec, s.cohort)]
    return alike[0] if s.cohort.rounds == 1 else scenario


def round_shards(wildcards):
    """Return the folders of payloads that a round joins."""
    scenario = trained_by(wildcards.scenario)
    round = f"{OUT}/federated/{scenario}/seed-{wildcards.seed}/round-{wildcards.round}"
    return [f"{round}/shard-{shard}" for shard in shards(wildcards.scenario)]


def read_by_server(wildcards):
    """Return the general text if the server's method reads it."""
    real = getattr(E.scenarios[wildcards.scenario].server, "text", None) == "real"
    return f"{OUT}/text/general-train.safetensors" if real else []


def chosen(wildcards, *parts):
    """Return the modules of parts that a scenario names."""
    s = E.scenarios[wildcards.scenario]
    modules = {
        "objective": f"privatune.federation.objectives.{s.client.objective}",
        "codec": f"privatune.compression.codecs.{s.codec.name}",
        "server": f"privatune.federation.servers.{s.server.method}",
    }
    return [modules[part] for part in parts]


def evaluated_model(wildcards):
    """Return the kept model of a scenario, or the general one."""
    kept = f"{OUT}/models/{wildcards.scenario}/seed-{wildcards.seed}/round-{wildcards.round}.safetensors"
    return GENERAL_MODEL if wildcards.scenario == INITIAL else kept


def evaluations(models):
    """Return the files with the measures of some models."""
    return [f"{OUT}/evaluation/{s}/seed-{seed}/round-{r}.json" for s, seed, r in models]


def records(models):
    """Return the records of all clients that contributed to these models."""
    return dict.fromkeys(
        f"{OUT}/federated/{s}/seed-{seed}/round-{r}/clients.csv"
        for s, seed, last in models
        if s != INITIAL
        for r in written_rounds(s)
        if r <= last
    )
