# Tables from the other stages' files, figures from the tables; what is marked `report` goes into the HTML report.
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
    raise WorkflowError(
        f"rules/: no target asks for {', '.join(nowhere)}; name it in a target of its system, or remove it"
    )


def maker(kind, name, part):
    """The module that makes a part; one name with `_full` behind it is made of more methods."""
    owner = part.owner if part.owner == "report" else f"systems.{part.owner}"
    return f"privatune.{part.made_by or f'{owner}.{kind}.' + name.removesuffix('_full')}"


def loaded(part):
    """Modules that a part loads by name: those of a system's claims."""
    return [f"privatune.systems.{part.settings['system']}.claims"] if "system" in part.settings else []


def shown(path, name, part, use):
    """A file of the report: in a category, under its part's name and caption, to read there or to save."""
    folder = "../report" if part.owner == "report" else f"../report/{part.owner}"
    return report(
        f"{OUT}/{path}",
        category=part.category,
        labels={"result": name.replace("_", " "), "to": use},
        caption=f"{folder}/{name.removesuffix('_full')}.rst",
    )


def with_pages(files):
    """Files by name, and beside the result tables among them the pages that hold their checksums."""
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
        localrule: True  # a second or two, less than a cluster takes to start a job
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
    """All files that a target asks for."""
    return [
        *(f"{OUT}/tables/{table}.{form}" for table in TABLES if table in target.parts for form in ("csv", "md")),
        *(f"{OUT}/figures/{figure}.{form}" for figure in FIGURES if figure in target.parts for form in ("pdf", "png")),
        *target.files,
    ]
