# Functions of rules/report.smk: which modules make a part, what a section of the page reads, and what a target makes.


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
    known = [part for part in files.values() if not callable(part)]  # the others read no table
    paths = [path for part in known for path in ([part] if isinstance(part, str) else part)]
    pages = [path.removesuffix(".csv") + ".md" for path in paths if path.startswith(f"{OUT}/tables/")]
    return files | ({"pages": pages} if pages else {})


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


def files_of(target):
    """Return all files that a target makes."""
    tables = [table for table in TABLES if table in (MODELS, *target.parts)]
    return [
        *(f"{OUT}/tables/{table}.{form}" for table in tables for form in ("csv", "md")),
        *(f"{OUT}/figures/{figure}.{form}" for figure in FIGURES if figure in target.parts for form in ("pdf", "png")),
        *target.files,
        f"{OUT}/index.html",
    ]
