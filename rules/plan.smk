# Look ahead: forecast what the experiment takes, without running it, or after reading its text. Both rules have no output,
# so they print every time they are run.


include: "functions/plan.smk"


rule plan:
    input:
        costs=COSTS_KNOWN,
        code=code("plan"),
    log:
        "<results>/logs/plan.log",
    localrule: True
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        # a function, because Snakemake does not know the cores where --cores is not given, for example for a report
        settings=lambda wildcards: planned(),
    script:
        "../workflow_scripts/plan.py"


# It reads, cleans, splits and tokenises all text that the experiment names, and trains nothing.
rule preflight:
    input:
        text=[
            file for part in BEFORE_TRAINING.values() for file in (part.values() if isinstance(part, dict) else [part])
        ],
        costs=COSTS_KNOWN,
        code=code("preflight"),
    log:
        "<results>/logs/preflight.log",
    localrule: True
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        settings=lambda wildcards: planned() | {"files": BEFORE_TRAINING, "targets": LOOKED_AT},
    script:
        "../workflow_scripts/preflight.py"
