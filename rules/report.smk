# Tables are made from the files of other stages, and figures from the tables. Files marked `report` go into the HTML
# report. A target has a section in the page results/index.html if it registers one in PAGES.
from privatune.report.page.changed import changed, listed


include: "functions/report.smk"


MODELS = "models"  # the table that every target makes, as it makes the page
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
    MODELS: Part("report", "Costs", {"sections": sections}),
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
ASKED_FOR = {MODELS} | {part for target in TARGETS.values() for part in target.parts}
if nowhere := sorted({*TABLES, *FIGURES} - ASKED_FOR):
    raise WorkflowError(f"rules/: no target makes {', '.join(nowhere)}; add it to a target of its system, or remove it")


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
            settings={"note": E.report.note, "part": maker("figures", figure, part)},
        script:
            "../workflow_scripts/figure.py"


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
        settings=lambda wildcards: {"accelerator": E.accelerator, "missing": unfinished(), "note": E.report.note},
    script:
        "../workflow_scripts/page.py"
