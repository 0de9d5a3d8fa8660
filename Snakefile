# Privatune: `snakemake --cores 4 main` runs the main experiment, and `all` runs every system. The stages are in rules/.
import os
import sys

from snakemake.utils import min_version

min_version("9.0")
sys.setrecursionlimit(100_000)  # Snakemake plans a chain of rounds by recursion


# The defaults lie below every run; a folder from which the workflow runs may lay a file of its own over them.
DEFAULTS = f"{workflow.basedir}/config/config.yaml"


configfile: DEFAULTS


if os.path.exists("config/config.yaml") and not os.path.samefile("config/config.yaml", DEFAULTS):

    configfile: "config/config.yaml"


include: "rules/common.smk"


pathvars:
    results=OUT,
    round=f"{OUT}/federated/{{scenario}}/seed-{{seed}}/round-{{round}}",


include: "rules/corpora.smk"
include: "rules/tokens.smk"
include: "rules/pretrain.smk"
include: "rules/rounds.smk"
include: "rules/sentences.smk"
include: "rules/popov.smk"
include: "rules/compression.smk"
include: "rules/dpfedavg.smk"
include: "rules/dpzero.smk"
include: "rules/split.smk"
include: "rules/dpcompress.smk"
include: "rules/export.smk"
include: "rules/report.smk"
include: "rules/plan.smk"
include: "rules/functions/progress.smk"


report: "report/workflow.rst"


# `main` makes what `run:` in config/config.yaml lists, a system's name makes that system, and `all` makes every system.
# Rule files may add other targets.
for target, asked_for in TARGETS.items():

    rule:
        name:
            target
        default_target: target == "main"
        input:
            files_of(asked_for),
        localrule: True


# A scenario's name trains it and evaluates its kept models, whether `run:` lists it or not.
for scenario in E.scenarios:

    rule:
        name:
            not_taken(scenario)
        input:
            [
                f"{OUT}/evaluation/{scenario}/seed-{seed}/round-{round}.json"
                for seed in E.seeds
                for round in evaluated_rounds(scenario)
            ],
        localrule: True


# The name of a sweep makes all its variants.
for sweep, variants in SWEPT.variants.items():

    rule:
        name:
            not_taken(sweep)
        input:
            [getattr(rules, variant).input for variant in variants],
        localrule: True


# The screen shows how far a run is; all that Snakemake says is in .snakemake/log.
onstart:
    begin_screen()


onsuccess:
    end_screen(True, log)


onerror:
    end_screen(False, log)
