"""What YAML reads without a word is seen in the files that Snakemake reads."""

import re

import pytest
from planning import DEFAULT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"seed": 1, "sources": {}, "seed": 2}', "line 1: `seed` occurs twice; keep one of them"),
        (
            '{"seed": 1,\n private: {min_words: 0400}}',
            "line 2: `private.min_words`: YAML reads 0400 as a number in base 8",
        ),
    ],
)
def test_a_file_that_would_be_misread_is_refused(tmp_path, snakemake, text, said):
    (tmp_path / "mine.yaml").write_text(text)
    options = ["-n", "--configfile", tmp_path / "mine.yaml"]
    assert f"mine.yaml {said}" in snakemake(tmp_path, "main", options=options, fails=True).stdout


def test_the_defaults_lie_below_a_run_from_any_folder(tmp_path, snakemake):
    (tmp_path / "mine.yaml").write_text("seeds: [3]")
    said = snakemake(tmp_path, "averaging-plain", options=["-n", "--configfile", tmp_path / "mine.yaml"]).stdout
    rounds = max(map(int, re.findall(r"averaging-plain/seed-3/round-(\d+)", said)))
    assert rounds == DEFAULT["federation"]["cohort"]["rounds"]


def test_a_folder_lays_a_configuration_of_its_own_over_the_defaults(tmp_path, snakemake):
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("{output: here, seeds: [3]}")
    (tmp_path / "mine.yaml").write_text("seeds: [4]")
    said = snakemake(tmp_path, "averaging-plain", options=["-n", "--configfile", tmp_path / "mine.yaml"]).stdout
    assert "here/evaluation/averaging-plain/seed-4/round-17.json" in said and "seed-3" not in said
