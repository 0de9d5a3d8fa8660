"""What YAML would read otherwise than it was meant, in files that Snakemake reads."""

import json
from pathlib import Path

import pytest

from privatune.core.errors import PrivatuneError
from privatune.core.written import check_written

ROOT = Path(__file__).parents[2]


@pytest.fixture
def check(tmp_path):
    def check(text, name="mine.yaml"):
        (tmp_path / name).write_text(text)
        check_written(tmp_path / name)

    return check


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sources: {}\nseed: 1\nsources: {}\n", "mine.yaml line 3: `sources` occurs twice; keep one of them"),
        ("client:\n  minibatch: 5\n  minibatch: 6\n", "line 3: `client.minibatch` occurs twice"),
        ("a: {b: 1, b: 2}\n", "line 1: `a.b` occurs twice"),
        ("a: [{b: 1}, {c: 1, c: 1}]\n", "line 1: `a.c` occurs twice"),
        ("paper: {1: x, '1': y}\n", "line 1: `paper.1` occurs twice"),
        ('a: 1\n"a": 1\n', "line 2: `a` occurs twice"),
        ('{"a": {"b": 1},\n\t"a": 2}', "line 2: `a` occurs twice"),
    ],
)
def test_a_key_that_stands_twice(check, text, said):
    with pytest.raises(PrivatuneError) as caught:
        check(text)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "number", ["010", "-07", "+012", "00", "007", "0_1", "5:00", "1:30:00", "190:20:30.15", "-1:30"]
)
@pytest.mark.parametrize("text", ["seed: {}\n", "a: {{seed: [1, {}]}}\n", "a: {{b: {{{}: 1}}}}\n", "- {}\n"])
def test_a_number_in_another_base(check, number, text):
    with pytest.raises(PrivatuneError, match=r"line 1: .* base (8|60); write a decimal number, or put text in quotes"):
        check(text.format(number))


@pytest.mark.parametrize(
    "text",
    ["", "a:", "a: 0", "a: -0.5", "a: 1e-3", "a: 0.10", "a: '010'", 'a: "5:00"', "a: 2020-01-30", "a: 1_000", "a: 0x10",
     "a: 00:1a", "a: &b {c: 1}\nd: *b\ne: *b", "a: {<<: {b: 1}, b: 2}", "a: b: c", "\ta: 1", "a: 12:00 noon", "a: 08"],
)  # fmt: skip
def test_what_is_read_as_it_was_meant_or_by_another_check(check, text):
    check(text)


def test_a_missing_file_is_left_to_its_reader(tmp_path):
    check_written(tmp_path / "gone.yaml")


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_our_own_files_are_read_as_they_were_meant(path):
    check_written(path)


def test_json(check):
    check(json.dumps({"a": {"b": 1}, "c": [1, 2]}, indent="\t"), "mine.json")
