# An attack on each mechanism with noise: epsilon from below, beside what is proved from above.

NOISY = [v for v in E.dpfedavg.run if E.dpfedavg.variants[v].privacy.noise_multiplier != 0]
# No person is in an audit and no trained model, so that one seed serves.
AUDITS = [f"{OUT}/dpfedavg/{variant}/seed-{E.dpfedavg.seeds[0]}-audit.json" for variant in NOISY]


rule audit:
    input:
        model="<results>/dpfedavg/general.safetensors",
        terms="<results>/dpfedavg/{variant}/terms.json",
        code=code("audit"),
    output:
        "<results>/dpfedavg/{variant}/seed-{seed}-audit.json",
    log:
        "<results>/logs/audit/{variant}/seed-{seed}.log",
    benchmark:
        "<results>/benchmarks/audit/{variant}/seed-{seed}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("audit"),
    params:
        settings=plain(E.dpfedavg.audit),
    script:
        "../workflow_scripts/audit.py"
