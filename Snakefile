# Privatune: `snakemake --cores 4 all` makes what `run:` in config/config.yaml lists. Stages are in rules/, in data's order.
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
include: "rules/federate.smk"
include: "rules/evaluate.smk"
include: "rules/compress.smk"
include: "rules/privacy.smk"
include: "rules/dpfedavg.smk"
include: "rules/audit.smk"
include: "rules/report.smk"
include: "rules/plan.smk"


report: "report/workflow.rst"


rule all:
    default_target: True
    input:
        REPORTED,
        KEPT,
    localrule: True


# all of Popov et al. (2018): more scenarios and replicates, measured privacy, and which of the paper's claims hold
rule popov:
    input:
        REPORTED,
        KEPT,
        files_of(OF_POPOV),
    localrule: True


# gradient compression: bits against quality, for a choice of methods, or for all of them on their whole grids
rule compression:
    input:
        files_of(OF_COMPRESSION),
    localrule: True


rule compression_full:
    input:
        files_of(OF_COMPRESSION_FULL),
    localrule: True


# DP-FedAvg (Ramaswamy et al., 2020): user-level differential privacy, and what it is worth by population
rule dpfedavg:
    input:
        files_of(OF_DPFEDAVG),
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
