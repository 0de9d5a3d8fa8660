# What the experiment will take: a look ahead that runs none of it. There is no output, so that it prints when asked.


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
        # asked when it runs: a report, say, is made without --cores, and Snakemake then refuses to tell them
        settings=lambda wildcards: {
            "config": config,  # unsorted: the order of scenarios means something
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
