from random import Random

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from privatune.core.errors import PrivatuneError
from privatune.core.files import CSV, write_json, write_sealed
from privatune.report.columns import Column, decimals, show
from privatune.report.frames import Table, arrange, read_records, read_table, read_tables, write_table


def a_table() -> Table:
    frame = pd.DataFrame(
        {"scenario": ["a", "b"], "ppl": [100 / 3, 1e-9 / 3], "bits": pd.array([12345678901, None], "Int64")}
    )
    return Table("A <title>", "In bits.", frame, show(frame, ["scenario", "ppl"], {"ppl": Column("PPL", decimals(1))}))


def test_csv_keeps_six_digits_of_fractions_and_all_of_integers(tmp_path):
    write_table(a_table(), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "scenario,ppl,bits\na,33.3333,12345678901\nb,3.33333e-10,\n"


def test_markdown_and_page_are_for_readers(tmp_path):
    write_table(a_table(), tmp_path / "t.csv")
    assert (
        "| scenario | PPL |\n| --- | ---: |\n| a | 33.3 |\n| b | 0.0 |\n\nIn bits." in (tmp_path / "t.md").read_text()
    )
    page = (tmp_path / "t.html").read_text()
    assert "A &lt;title&gt;" in page and "33.3" in page and "http" not in page


def test_the_same_table_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_table(a_table(), tmp_path / name / "t.csv")
    for form in ("csv", "md", "html"):
        assert (tmp_path / f"one/t.{form}").read_bytes() == (tmp_path / f"two/t.{form}").read_bytes()


def test_a_scenario_named_null_stays_a_name(tmp_path):
    (tmp_path / "t.csv").write_text("scenario,x\nnull,\nnone,-\n")
    frame = read_table(tmp_path / "t.csv", ["scenario"])
    assert frame["scenario"].tolist() == ["null", "none"] and frame["x"].isna().all()


ODD = ["NA", "001", "1e3", "inf", "True", "nan", "None", "1", "0x1F", "2020-01-30", "1_000", "007.50", "false"]


@pytest.mark.parametrize("column", ["scenario", "method", "set", "corpus", "model", "row"])
@pytest.mark.parametrize("names", [*([name] for name in ODD), ODD], ids=str)
def test_names_that_look_like_values_stay_names(tmp_path, column, names):
    frame = pd.DataFrame({column: names, "x": [0.5] * len(names)})
    write_table(
        Table("A", "", frame, show(frame, [column, "x"], {column: Column("it"), "x": Column("x")})), tmp_path / "t.csv"
    )
    read = read_table(tmp_path / "t.csv", [column, "x"])
    assert (read[column].tolist(), read["x"].tolist()) == (names, [0.5] * len(names))
    assert read_tables([tmp_path / "t.csv"], [column])[column].tolist() == names


def test_a_null_name_stays_null(tmp_path):
    (tmp_path / "t.csv").write_text("method,x\n-,NA\n,1\n")
    frame = read_table(tmp_path / "t.csv", ["method"])
    assert frame["method"].isna().all() and frame["x"].isna().tolist() == [True, False]


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00bad"])
def test_a_damaged_table_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(PrivatuneError, match=r"t\.csv: .*run again"):
        read_table(tmp_path / "t.csv", ["x"])


def test_a_file_holds_a_record_or_a_list_of_them(tmp_path):
    write_json(tmp_path / "one.json", {"x": 1})
    write_json(tmp_path / "two.json", [{"x": 2}, {"x": 3}])
    assert read_records([tmp_path / "one.json", tmp_path / "two.json"], ["x"])["x"].tolist() == [1, 2, 3]
    with pytest.raises(PrivatuneError, match=r"two\.json: has no `y`"):
        read_records([tmp_path / "two.json"], ["y"])


def test_a_missing_column_or_key_is_named(tmp_path):
    (tmp_path / "t.csv").write_text("x\n1\n")
    write_json(tmp_path / "r.json", {"x": 1})
    with pytest.raises(PrivatuneError, match=r"t\.csv: has no `y`"):
        read_tables([tmp_path / "t.csv"], ["x", "y"])
    with pytest.raises(PrivatuneError, match=r"r\.json: has no `y`"):
        read_records([tmp_path / "r.json"], ["x", "y"])


def test_nothing_to_read_gives_an_empty_table():
    assert list(read_tables([], ["scenario", "x"]).columns) == ["scenario", "x"]
    assert arrange(read_records([], ["scenario", "x"]), ["scenario", "x"], ["a"], ["x"]).empty


ROWS = st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 3), st.integers(0, 12)), unique=True, min_size=1)


@example([("c", 0, 0), ("e", 0, 0)], Random(0))  # neither is in the list
@given(ROWS, st.randoms(use_true_random=False))
def test_rows_stand_in_one_order_however_they_come(rows, random):
    columns, scenarios = ["scenario", "seed", "round"], ["d", "b", "a"]
    shuffled = random.sample(rows, len(rows))
    one, two, three = (
        arrange(pd.DataFrame(given, columns=columns), columns, scenarios, ["seed", "round"])
        for given in (rows, rows[::-1], shuffled)
    )
    assert one.equals(two) and one.equals(three)
    known = [row for row in one.itertuples(index=False, name=None) if row[0] in scenarios]
    assert known == sorted(known, key=lambda row: (scenarios.index(row[0]), *row[1:]))
    assert sorted(one.itertuples(index=False, name=None)) == sorted(rows)


def test_a_null_does_not_cost_integers_their_digits():
    frame = pd.DataFrame({"scenario": ["a", "b"], "bits": [24_512_345_601, None], "extra": [1, 2]})
    arranged = arrange(frame, ["scenario", "bits"], ["b", "a"])
    assert list(arranged.columns) == ["scenario", "bits", "extra"]
    assert arranged["bits"].tolist()[1] == 24_512_345_601
    assert "24512345601" in arranged.to_csv(float_format="%.6g")


@given(data=st.data())
def test_a_damaged_result_table_is_found_by_the_page_beside_it(tmp_path_factory, damaged, data):
    path = tmp_path_factory.mktemp("tables") / "t.csv"
    write_table(a_table(), path)
    changed = data.draw(st.sampled_from([path, path.with_suffix(".md")]))
    whole = changed.read_bytes()
    changed.write_bytes(damaged(data, whole))
    if changed.suffix == ".md":  # only the line with the checksum matters
        try:
            assert read_table(path, ["ppl"])["ppl"].tolist() == [33.3333, 3.33333e-10]
        except PrivatuneError as error:
            assert "t.csv: damaged" in str(error)
    elif changed.read_bytes() != whole:
        with pytest.raises(PrivatuneError, match=r"t\.csv: .*t\.md; delete both and run again"):
            read_table(path, ["ppl"])


@given(data=st.data())
def test_a_damaged_table_of_another_stage_is_named(tmp_path_factory, damaged, data):
    path = tmp_path_factory.mktemp("tables") / "curve.csv"
    write_sealed(path, CSV, b"step,ppl\n1,20\n2,30\n")
    assert read_table(path, ["step", "ppl"])["ppl"].tolist() == [20, 30]
    whole = path.read_bytes()
    path.write_bytes(damaged(data, whole))
    if path.read_bytes() != whole:
        with pytest.raises(PrivatuneError, match=r"curve\.csv: .* delete (it|the file) and run again"):
            read_table(path, ["step", "ppl"])
