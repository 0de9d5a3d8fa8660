"""What YAML reads without a word is seen in the files that Snakemake reads."""

import pytest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"seed": 1, "sources": {}, "seed": 2}', "line 1: `seed` stands twice; keep one of them"),
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
