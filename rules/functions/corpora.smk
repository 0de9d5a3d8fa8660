# Functions of rules/corpora.smk: which files and settings its jobs take.


def wheel_of(wildcards):
    """Return the wheel of a source that comes in a package."""
    source = E.sources[wildcards.source]
    return f"{OUT}/downloads/{source.package}-{source.version}.whl" if hasattr(source, "package") else []


def reading(source):
    """Return the settings for reading a source; cleaning rules apply to private text only."""
    return {"source": source} | ({"cleaning": E.cleaning} if source.role == "private" else {})
