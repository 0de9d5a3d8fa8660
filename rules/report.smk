# Tables from the other stages' files, figures from the tables; what is marked `report` goes into the HTML report.


def shown(path, part, category, use):
    """A file of the report: in a category, under its part's name and caption, to read there or to save."""
    return report(
        f"{OUT}/{path}",
        category=category,
        labels={"result": part.replace("_", " "), "to": use},
        caption=f"../report/{part.removesuffix('_full')}.rst",
    )


def with_pages(files):
    """Files by name, and beside the result tables among them the pages that hold their checksums."""
    paths = [path for part in files.values() for path in ([part] if isinstance(part, str) else part)]
    pages = [path.removesuffix(".csv") + ".md" for path in paths if path.startswith(f"{OUT}/tables/")]
    return files | ({"pages": pages} if pages else {})


def described(scenario):
    """What the table `comparison` says of a scenario beside its measures."""
    about = {
        "name": scenario,
        "clients_per_round": 0,
        "persons_per_device": 0,
        "user_share": None,
        "paper": E.report.paper.get(scenario, {}),
    }
    about |= {"swept": SWEPT.values[scenario]} if scenario in SWEPT.values else {}
    if scenario == INITIAL:
        return about
    client = E.scenarios[scenario].client
    share = 1.0 if client.objective == "plain" else client.user_share
    cohort = E.scenarios[scenario].cohort
    return about | {
        "clients_per_round": cohort.size,
        "persons_per_device": cohort.persons_per_device,
        "user_share": share,
    }


def sent(models):
    """Records of all clients that had a part in these models."""
    return dict.fromkeys(
        f"{OUT}/federated/{s}/seed-{seed}/round-{r}/clients.csv"
        for s, seed, last in models
        if s != INITIAL
        for r in written_rounds(s)
        if r <= last
    )


def compared(methods):
    """A table of the compression experiment: its runs, and the settings that each method's grid varies."""
    files = {"runs": followed(methods), "tunings": tunings(methods)}
    varied = {method: sorted(E.compression.methods[method].parameter) for method in methods}
    c = E.compression
    model = f"LSTM of {c.model.layers} x {c.model.hidden} units, {c.vocabulary:,} words"
    settings = {"averaged": c.averaged, "methods": varied, "model": model, "order": list(methods)}
    return "Compression", files, settings


def tuned(methods):
    """The grids of these methods."""
    _, files, settings = compared(methods)
    about = {
        "methods": settings["methods"],
        "order": list(methods),
        "rounds": E.compression.tuning_rounds,
        "seed": E.seed,
    }
    return "Compression", {"tunings": files["tunings"]}, about


POPOV = "Popov et al. 2018"
PAPER = os.path.relpath(f"{workflow.basedir}/report/popov-2018.csv")
PAPER_TEXT = os.path.relpath(f"{workflow.basedir}/report/popov-2018-text.csv")

PAPER_DP = os.path.relpath(f"{workflow.basedir}/report/ramaswamy-2020.csv")
PAPER_DP_TEXT = os.path.relpath(f"{workflow.basedir}/report/ramaswamy-2020-text.csv")

# table: category in the report, the files it is made from, the settings it uses; `order` is that of the files where
# rows follow it, since Snakemake compares a job's inputs sorted
TABLES = {
    "comparison": (
        "Comparison of models",
        {
            "clients": [f"{OUT}/tables/clients.csv"],
            "evaluations": EVALUATIONS,
            "paper": PAPER,
        },
        {"scenarios": [described(scenario) for scenario in E.run]},
    ),
    "clients": ("Costs", {"clients": CLIENTS}, {"scenarios": list(E.run)}),
    "replicates": (
        POPOV,
        {
            "clients": list(sent(REPLICATES)) + [f"{OUT}/devices/{s}.csv" for s in ALONE],
            "evaluations": [f"{OUT}/evaluation/{s}/seed-{seed}/round-{r}.json" for s, seed, r in REPLICATES]
            + [f"{OUT}/devices/{s}.json" for s in ALONE],
            "paper": PAPER,
        },
        {"scenarios": [described(scenario) for scenario in dict.fromkeys([*E.popov.scenarios, *E.run])]},
    ),
    "popov": (POPOV, {"replicates": f"{OUT}/tables/replicates.csv"}, {"scenarios": list(E.popov.scenarios)}),
    "claims": (
        "Claims",
        {
            "replicates": f"{OUT}/tables/replicates.csv",
            "client_costs": f"{OUT}/tables/client_costs.csv",
            "tail": f"{OUT}/tables/tail.csv",
            "paper": PAPER,
            "paper_text": PAPER_TEXT,
        },
        {"systems": ["popov_2018"]},
    ),
    "compression": compared(E.compression.run),
    "compression_full": compared(E.compression.full),
    "tuning": tuned(E.compression.run),
    "tuning_full": tuned(E.compression.full),
    "codec_costs": ("Compression", {"costs": f"{OUT}/compression/costs.json"}, {}),
    **{
        f"claims_compression{full}": (
            "Claims",
            {"compression": f"{OUT}/tables/compression{full}.csv"},
            {"systems": ["compression"]},
        )
        for full in ("", "_full")
    },
    "claims_dpfedavg": (
        "Claims",
        {
            "comparison_dpfedavg": f"{OUT}/tables/comparison_dpfedavg.csv",
            "canaries": f"{OUT}/tables/canaries.csv",
            "accounting": f"{OUT}/tables/accounting.csv",
            "paper_text": PAPER_DP_TEXT,
        },
        {"systems": ["ramaswamy_2020"]},
    ),
    "client_costs": ("Costs", {"costs": COSTS, "paper_text": PAPER_TEXT}, {"scenarios": list(E.report.cost_scenarios)}),
    "corpora": ("Corpora", {"streams": STREAMS}, {}),
    "stages": ("Costs", {"benchmarks": BENCHMARKS}, {"folder": f"{OUT}/benchmarks"}),
    "audit": ("Privacy, measured", {"audits": AUDITS}, {"order": NOISY}),
    "canaries": ("Privacy, proved", {"measures": PRIVATE_MODELS}, {"order": list(E.dpfedavg.run)}),
    "canaries_by_cell": ("Privacy, proved", {"canaries": f"{OUT}/tables/canaries.csv"}, {}),
    "comparison_dpfedavg": (
        "Privacy, proved",
        {"measures": [f"{OUT}/dpfedavg/{baseline}.json" for baseline in BASELINES] + PRIVATE_MODELS},
        {"order": list(E.dpfedavg.run)},
    ),
    "accounting": ("Privacy, proved", {"epsilons": f"{OUT}/privacy/accounting.json", "paper": PAPER_DP}, {}),
    "tail": ("Privacy, measured", {"fits": f"{OUT}/privacy/tail.json"}, {}),
    "precision": (
        "General model",
        {"curves": [f"{OUT}/general/{precision}/curve.csv" for precision in PRECISIONS]},
        {"precisions": PRECISIONS},
    ),
}

for table, (category, files, settings) in TABLES.items():
    # the same part makes a table of all methods; parts that a table loads by name are the claims of a system
    part = "claims" if table.startswith("claims") else table.removesuffix("_full")
    loaded = [f"privatune.report.claims.{system}" for system in settings.get("systems", [])]

    rule:
        name:
            f"table_{table}"
        input:
            **with_pages(files),
            code=code("table", f"privatune.report.tables.{part}", *loaded),
        output:
            csv=shown(f"tables/{table}.csv", table, category, "save"),
            html=shown(f"tables/{table}.html", table, category, "read"),
            md=f"{OUT}/tables/{table}.md",
        log:
            f"{OUT}/logs/table_{table}.log",
        benchmark:
            f"{OUT}/benchmarks/table_{table}.tsv"
        localrule: True  # a second or two, less than a cluster takes to start a job
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            **asked("table"),
        params:
            settings=plain({**settings, "table": part}),
        script:
            "../workflow_scripts/table.py"


# figure: category in the report, the tables it is made from
FIGURES = {
    "perplexity_by_round": ("Comparison of models", {"comparison": f"{OUT}/tables/comparison.csv"}),
    "tradeoff": ("Comparison of models", {"comparison": f"{OUT}/tables/comparison.csv"}),
    "keystrokes": ("Comparison of models", {"comparison": f"{OUT}/tables/comparison.csv"}),
    "popov_methods": (POPOV, {"replicates": f"{OUT}/tables/replicates.csv"}),
    "popov_rounds": (POPOV, {"replicates": f"{OUT}/tables/replicates.csv"}),
    "canaries": ("Privacy, proved", {"cells": f"{OUT}/tables/canaries_by_cell.csv"}),
    "quality_by_epsilon": ("Privacy, proved", {"comparison": f"{OUT}/tables/comparison_dpfedavg.csv"}),
    "pretraining": ("General model", {"curve": CURVE}),
    "tail_of_c": (
        "Privacy, measured",
        {"tail": f"{OUT}/tables/tail.csv", "curves": f"{OUT}/privacy/tail.csv"},
    ),
    **{
        f"{figure}{full}": ("Compression", {"compression": f"{OUT}/tables/compression{full}.csv"})
        for figure in ("perplexity_by_bits", "bits_to_reach")
        for full in ("", "_full")
    },
    "costs": (
        "Costs",
        {"stages": f"{OUT}/tables/stages.csv", "client_costs": f"{OUT}/tables/client_costs.csv"},
    ),
}

for figure, (category, files) in FIGURES.items():
    part = figure.removesuffix("_full")

    rule:
        name:
            f"figure_{figure}"
        input:
            **with_pages(files),
            code=code("figure", f"privatune.report.figures.{part}"),
        output:
            pdf=shown(f"figures/{figure}.pdf", figure, category, "save"),
            png=shown(f"figures/{figure}.png", figure, category, "read"),
        log:
            f"{OUT}/logs/figure_{figure}.log",
        benchmark:
            f"{OUT}/benchmarks/figure_{figure}.tsv"
        localrule: True
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            **asked("figure"),
        params:
            settings={"figure": part},
        script:
            "../workflow_scripts/figure.py"


def files_of(parts):
    """Tables and figures by name, as targets ask for them."""
    return [
        *(f"{OUT}/tables/{table}.{form}" for table in TABLES if table in parts for form in ("csv", "md")),
        *(f"{OUT}/figures/{figure}.{form}" for figure in FIGURES if figure in parts for form in ("pdf", "png")),
    ]


# what targets ask of this stage; `all` makes what no other target is for
OF_POPOV = ["replicates", "popov", "claims", "tail", "popov_methods", "popov_rounds", "tail_of_c"]
OF_COMPRESSION_FULL = [
    f"{part}_full" for part in ("compression", "tuning", "claims_compression", "perplexity_by_bits", "bits_to_reach")
]
OF_COMPRESSION = [part.removesuffix("_full") for part in OF_COMPRESSION_FULL] + ["codec_costs"]
OF_DPFEDAVG = [
    "accounting",
    "audit",
    "canaries",
    "canaries_by_cell",
    "comparison_dpfedavg",
    "claims_dpfedavg",
    "quality_by_epsilon",
]
REPORTED = files_of({*TABLES, *FIGURES} - {"precision", *OF_POPOV, *OF_COMPRESSION, *OF_COMPRESSION_FULL, *OF_DPFEDAVG})
