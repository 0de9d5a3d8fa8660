# Functions of rules/plan.smk: what is known before a run.
COSTS_KNOWN = E.plan.costs or os.path.relpath(f"{workflow.basedir}/config/costs.json")
LOOKED_AT = ["main", *(name for name, target in TARGETS.items() if target.in_all)]


# files of all text that the experiment names: manifests, counts of persons, and encoded text
SETS = {name: E.dpzero.encoder for name in E.dpzero.sets} | {S.set: S.encoder, S.public: S.encoder}
SOURCES_READ = dict.fromkeys([*READ, S.attribute.source, *(E.sentences[name].source for name in SETS)])
BEFORE_TRAINING = {
    "manifests": {name: f"{OUT}/corpora/{name}.json" for name in SOURCES_READ},
    "persons": f"{OUT}/corpora/private.json",
    "sentences": {name: f"{OUT}/sentences/{name}/{encoder}/tokens.safetensors" for name, encoder in SETS.items()},
    "streams": {Path(path).stem: path for path in STREAMS},
}


def planned():
    """Return what the planner needs."""
    return {
        "config": config,  # unsorted, because the order of scenarios matters
        "cores": workflow.cores,
        "dry_run": [
            *[sys.executable, "-m", "snakemake", "--dry-run", "--snakefile", workflow.main_snakefile],
            *["--cores", str(workflow.cores)],
        ],
        "texts": {text: f"{OUT}/text/{text}-train.safetensors" for text in ("general", "private")}
        | {"collected": f"{OUT}/corpora/{E.private.corpus}.json"},
    }
