# Privatune: `snakemake --cores 4 main` runs the main experiment, `all` every system. Stages are in rules/, in data's order.
import sys

from snakemake.utils import min_version

min_version("9.0")
sys.setrecursionlimit(100_000)  # a chain of rounds is planned by recursion


configfile: "config/config.yaml"


include: "rules/common.smk"


pathvars:
    results=OUT,
    round=f"{OUT}/federated/{{scenario}}/seed-{{seed}}/round-{{round}}",


include: "rules/corpora.smk"
include: "rules/tokens.smk"
include: "rules/pretrain.smk"
include: "rules/rounds.smk"
include: "rules/popov.smk"
include: "rules/compression.smk"
include: "rules/dpfedavg.smk"
include: "rules/report.smk"
include: "rules/plan.smk"


report: "report/workflow.rst"


# main: what `run:` in config/config.yaml lists; a system by its name; all: every system; what else their files name
for target, asked_for in TARGETS.items():

    rule:
        name:
            target
        default_target: target == "main"
        input:
            files_of(asked_for),
        localrule: True


# one scenario by its name, whether `run:` lists it or not: its kept models, evaluated
for scenario in E.scenarios:

    rule:
        name:
            scenario
        input:
            [
                f"{OUT}/evaluation/{scenario}/seed-{seed}/round-{round}.json"
                for seed in E.seeds
                for round in evaluated_rounds(scenario)
            ],
        localrule: True


# all variants of a sweep, by its name
for sweep, variants in SWEPT.variants.items():

    rule:
        name:
            sweep
        input:
            [getattr(rules, variant).input for variant in variants],
        localrule: True
