# Forecast what the experiment takes, without running it. The rule has no output, so it prints every time it is run.


rule plan:
    input:
        costs=E.plan.costs or os.path.relpath(f"{workflow.basedir}/config/costs.json"),
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
        settings=lambda wildcards: {
            "config": config,  # unsorted, because the order of scenarios matters
            "cores": workflow.cores,
            "dry_run": [
                *[sys.executable, "-m", "snakemake", "--dry-run", "--snakefile", workflow.main_snakefile],
                *["--cores", str(workflow.cores)],
            ],
            "texts": {text: f"{OUT}/text/{text}-train.safetensors" for text in ("general", "private")}
            | {"collected": f"{OUT}/corpora/{E.private.corpus}.json"},
        },
    script:
        "../workflow_scripts/plan.py"
