# Tables from the other stages' files, figures from the tables; what is marked `report` goes into the HTML report.


def shown(path, part, category, use):
    """A file of the report: in a category, under its part's name and caption, to read there or to save."""
    return report(
        f"{OUT}/{path}",
        category=category,
        labels={"result": part.replace("_", " "), "to": use},
        caption=f"../report/{part}.rst",
    )


def described(scenario):
    """What the table `comparison` says of a scenario beside its measures."""
    about = {"name": scenario, "clients_per_round": 0, "user_share": None, "paper": E.report.paper.get(scenario, {})}
    if scenario == INITIAL:
        return about
    client = E.scenarios[scenario].client
    share = 1.0 if client.objective == "plain" else client.user_share
    return about | {"clients_per_round": E.scenarios[scenario].cohort.size, "user_share": share}


# table: category in the report, the files it is made from, the settings it uses
TABLES = {
    "comparison": (
        "Comparison of models",
        {
            "clients": f"{OUT}/tables/clients.csv",
            "evaluations": EVALUATIONS,
            "paper": os.path.relpath(f"{workflow.basedir}/report/popov-2018.csv"),
        },
        {"scenarios": [described(scenario) for scenario in E.run]},
    ),
    "clients": ("Costs", {"clients": CLIENTS}, {"scenarios": list(E.run)}),
    "client_costs": ("Costs", {"costs": COSTS}, {"scenarios": list(E.run)}),
    "corpora": ("Corpora", {"streams": STREAMS}, {}),
    "stages": ("Costs", {"benchmarks": BENCHMARKS}, {"folder": f"{OUT}/benchmarks"}),
    "tail": ("Privacy, measured", {"fits": f"{OUT}/privacy/tail.json"}, {}),
    "precision": (
        "General model",
        {"curves": [f"{OUT}/general/{precision}/curve.csv" for precision in PRECISIONS]},
        {"precisions": PRECISIONS},
    ),
}

for table, (category, files, settings) in TABLES.items():

    rule:
        name:
            f"table_{table}"
        input:
            **files,
            code=code("table", f"privatune.report.tables.{table}"),
        output:
            csv=shown(f"tables/{table}.csv", table, category, "save"),
            html=shown(f"tables/{table}.html", table, category, "read"),
            md=f"{OUT}/tables/{table}.md",
        log:
            f"{OUT}/logs/table_{table}.log",
        benchmark:
            f"{OUT}/benchmarks/table_{table}.tsv"
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            mem_mb=500,
            runtime=5,
        params:
            settings=plain({**settings, "table": table}),
        script:
            "../workflow_scripts/table.py"


# figure: category in the report, the tables it is made from
FIGURES = {
    "perplexity_by_round": ("Comparison of models", {"comparison": f"{OUT}/tables/comparison.csv"}),
    "tradeoff": ("Comparison of models", {"comparison": f"{OUT}/tables/comparison.csv"}),
    "keystrokes": ("Comparison of models", {"comparison": f"{OUT}/tables/comparison.csv"}),
    "pretraining": ("General model", {"curve": CURVE}),
    "tail_of_c": (
        "Privacy, measured",
        {"tail": f"{OUT}/tables/tail.csv", "curves": f"{OUT}/privacy/tail.csv"},
    ),
    "costs": (
        "Costs",
        {"stages": f"{OUT}/tables/stages.csv", "client_costs": f"{OUT}/tables/client_costs.csv"},
    ),
}

for figure, (category, files) in FIGURES.items():

    rule:
        name:
            f"figure_{figure}"
        input:
            **files,
            code=code("figure", f"privatune.report.figures.{figure}"),
        output:
            pdf=shown(f"figures/{figure}.pdf", figure, category, "save"),
            png=shown(f"figures/{figure}.png", figure, category, "read"),
        log:
            f"{OUT}/logs/figure_{figure}.log",
        benchmark:
            f"{OUT}/benchmarks/figure_{figure}.tsv"
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            mem_mb=500,
            runtime=5,
        params:
            settings={"figure": figure},
        script:
            "../workflow_scripts/figure.py"


# what `all` asks of this stage; the others have targets of their own
LATER = ("precision", "tail", "tail_of_c")
REPORTED = [
    *(f"{OUT}/tables/{table}.{form}" for table in TABLES if table not in LATER for form in ("csv", "md")),
    *(f"{OUT}/figures/{figure}.{form}" for figure in FIGURES if figure not in LATER for form in ("pdf", "png")),
]
