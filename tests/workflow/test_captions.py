"""Every table and figure of the report is explained: by a caption in the folder of its owner."""

from planning import DEFAULT, ROOT, alone, captions, rules


def test_every_table_and_figure_of_every_target_has_its_caption_and_no_caption_is_left_over(tmp_path):
    """Snakemake itself misses a caption only when it makes the report, and then of the target `main` alone."""
    found = alone(captions, tmp_path, DEFAULT)
    assert {name.partition("_")[0] for name in found} == {"table", "figure"}
    named = set().union(*found.values())
    there = {str(path.relative_to(ROOT)) for path in (ROOT / "report").rglob("*.rst")}
    assert named == there - {"report/workflow.rst"}, "workflow.rst opens the report"
    for name, files in found.items():
        (caption,) = files
        part = name.partition("_")[2].removesuffix("_full")
        assert caption.endswith(f"/{part}.rst") and (ROOT / caption).read_text().strip(), name


def test_every_table_and_figure_is_in_the_report(tmp_path):
    found = alone(captions, tmp_path, DEFAULT)
    made = alone(rules, tmp_path, DEFAULT)
    assert {name for name in made if name.startswith(("table_", "figure_"))} == found.keys()
