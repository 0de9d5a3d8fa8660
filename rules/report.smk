# Tables are made from the files of other stages, and figures from the tables. Files marked `report` go into the HTML
# report. A target has a section in the page results/index.html if it registers one in PAGES.
import yaml

from privatune.report.page.changed import changed, listed

DEFAULT = yaml.safe_load(Path(DEFAULTS).read_text())
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


def section_of(target):
    """Return the file of a target's section of the page."""
    return f"{OUT}/page/{target}.json"


def wanted():
    """Return the sections of the page whose tables the targets of this run make."""
    asked_for = workflow.dag_settings.targets or ["main"]
    parts = {part for name in asked_for if name in TARGETS for part in TARGETS[name].parts}
    return [target for target in PAGES if parts.issuperset(TARGETS[target].parts)]


def sections(wildcards):
    """Return the sections of the page: those that this run makes, and those that earlier runs have finished.

    Nothing is made for the latter, since they may be of targets that nobody asks for now.
    """
    now = wanted()
    finished = [target for target in PAGES if target in now or os.path.exists(section_of(target))]
    return [section_of(target) if target in now else before_update(section_of(target)) for target in finished]


def unfinished():
    """Return the modules of the sections that the page lacks, by the target that makes each."""
    now = wanted()
    lacking = [target for target in PAGES if target not in now and not os.path.exists(section_of(target))]
    return {target: maker("", target, PAGES[target]) for target in sorted(lacking)}


def told(name, part):
    """Return what the section of a target shows that its tables do not have."""
    shown = {
        "differs": changed(DEFAULT, config, part.settings["keys"]),
        "figures": [figure for figure in TARGETS[name].parts if figure in FIGURES],
        "name": name,
        "room": maker("", name, part),
        "sizes": {size: listed(value) for size, value in part.settings["sizes"].items()},
        "tables": [table for table in TARGETS[name].parts if table in TABLES],
    }
    return plain(shown)


for target, part in PAGES.items():

    rule:
        name:
            f"page_{target}"
        input:
            **with_pages(part.files),
            code=code("page_section", maker("", target, part)),
        output:
            section_of(target),
        log:
            f"{OUT}/logs/page_{target}.log",
        benchmark:
            f"{OUT}/benchmarks/page_{target}.tsv"
        localrule: True
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            **asked("page"),
        params:
            settings=told(target, part),
        script:
            "../workflow_scripts/page_section.py"


rule page:
    input:
        sections=sections,
        template=os.path.relpath(f"{workflow.basedir}/report/page.html.jinja"),
        code=lambda wildcards: code("page", *unfinished().values()),
    output:
        "<results>/index.html",
    log:
        "<results>/logs/page.log",
    benchmark:
        "<results>/benchmarks/page.tsv"
    localrule: True
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("page"),
    params:
        settings=lambda wildcards: {"accelerator": E.accelerator, "missing": unfinished()},
    script:
        "../workflow_scripts/page.py"


def files_of(target):
    """Return all files that a target makes."""
    return [
        *(f"{OUT}/tables/{table}.{form}" for table in TABLES if table in target.parts for form in ("csv", "md")),
        *(f"{OUT}/figures/{figure}.{form}" for figure in FIGURES if figure in target.parts for form in ("pdf", "png")),
        *target.files,
        f"{OUT}/index.html",
    ]
