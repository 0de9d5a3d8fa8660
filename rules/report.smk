# Tables are made from the files of other stages, and figures from the tables. Files marked `report` go into the HTML
# report.
SYSTEMS = [name for name, target in TARGETS.items() if target.in_all]

TABLES |= {
    "corpora": Part("report", "Corpora", {"streams": STREAMS}),
    "stages": Part("report", "Costs", {"benchmarks": BENCHMARKS}, {"folder": f"{OUT}/benchmarks"}),
    "precision": Part(
        "report",
        "General model",
        {"curves": [f"{OUT}/general/{precision}/curve.csv" for precision in PRECISIONS]},
        {"precisions": PRECISIONS},
    ),
    "claims": Part(
        "report",
        "Claims",
        {"tables": [table_file(f"claims_{system}") for system in SYSTEMS]},
        {},
        "report.tables.all_claims",
    ),
}
FIGURES["pretraining"] = Part("report", "General model", {"curve": CURVE})
TARGETS["precision"] = Target(["precision"], in_all=False)  # float32 takes twice as long
TARGETS["all"] = Target(
    [*dict.fromkeys(part for system in SYSTEMS for part in TARGETS[system].parts), "claims"],
    [file for system in SYSTEMS for file in TARGETS[system].files],
)
ASKED_FOR = {part for target in TARGETS.values() for part in target.parts}
if nowhere := sorted({*TABLES, *FIGURES} - ASKED_FOR):
    raise WorkflowError(f"rules/: no target makes {', '.join(nowhere)}; add it to a target of its system, or remove it")


def maker(kind, name, part):
    """Return the module that makes a part; a name that ends in `_full` covers more methods, with the same module."""
    owner = part.owner if part.owner == "report" else f"systems.{part.owner}"
    return f"privatune.{part.made_by or f'{owner}.{kind}.' + name.removesuffix('_full')}"


def loaded(part):
    """Return the modules that a part loads by name, which are those of a system's claims."""
    return [f"privatune.systems.{part.settings['system']}.claims"] if "system" in part.settings else []


def shown(path, name, part, use):
    """Mark a file for the report, with its part's category, name and caption; `use` is read or save."""
    folder = "../report" if part.owner == "report" else f"../report/{part.owner}"
    return report(
        f"{OUT}/{path}",
        category=part.category,
        labels={"result": name.replace("_", " "), "to": use},
        caption=f"{folder}/{name.removesuffix('_full')}.rst",
    )


def with_pages(files):
    """Return files by name, and for the result tables among them the pages that hold their checksums."""
    paths = [path for part in files.values() for path in ([part] if isinstance(part, str) else part)]
    pages = [path.removesuffix(".csv") + ".md" for path in paths if path.startswith(f"{OUT}/tables/")]
    return files | ({"pages": pages} if pages else {})


for table, part in TABLES.items():

    rule:
        name:
            f"table_{table}"
        input:
            **with_pages(part.files),
            code=code("table", maker("tables", table, part), *loaded(part)),
        output:
            csv=shown(f"tables/{table}.csv", table, part, "save"),
            html=shown(f"tables/{table}.html", table, part, "read"),
            md=f"{OUT}/tables/{table}.md",
        log:
            f"{OUT}/logs/table_{table}.log",
        benchmark:
            f"{OUT}/benchmarks/table_{table}.tsv"
        localrule: True  # it takes a second or two, less than a cluster takes to start a job
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            **asked("table"),
        params:
            settings=plain({**part.settings, "part": maker("tables", table, part)}),
        script:
            "../workflow_scripts/table.py"


for figure, part in FIGURES.items():

    rule:
        name:
            f"figure_{figure}"
        input:
            **with_pages(part.files),
            code=code("figure", maker("figures", figure, part)),
        output:
            pdf=shown(f"figures/{figure}.pdf", figure, part, "save"),
            png=shown(f"figures/{figure}.png", figure, part, "read"),
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
            settings={"part": maker("figures", figure, part)},
        script:
            "../workflow_scripts/figure.py"


def files_of(target):
    """Return all files that a target makes."""
    return [
        *(f"{OUT}/tables/{table}.{form}" for table in TABLES if table in target.parts for form in ("csv", "md")),
        *(f"{OUT}/figures/{figure}.{form}" for figure in FIGURES if figure in target.parts for form in ("pdf", "png")),
        *target.files,
    ]
