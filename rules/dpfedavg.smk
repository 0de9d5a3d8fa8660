# DP-FedAvg (Ramaswamy et al., 2020): what user-level differential privacy costs, and what it is worth.


rule account:
    input:
        code=code("account"),
    output:
        "<results>/privacy/accounting.json",
    log:
        "<results>/logs/account.log",
    benchmark:
        "<results>/benchmarks/account.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=plain(E.dpfedavg.accounting),
    script:
        "../workflow_scripts/account.py"
