import pytest

from privatune.systems.popov.tables.client_costs import COLUMNS, table


def test_one_row_a_measured_client_with_what_else_was_measured(make_run):
    run = make_run()
    made = table(run.costs[::-1], run.paper_text, run.scenarios)
    assert list(made.frame.columns) == COLUMNS
    assert made.frame["scenario"].drop_duplicates().tolist() == run.scenarios[1:]
    assert made.frame["client"].tolist() == ["p0000", "p0001", "p0002"] * 6
    assert made.shown["tokens"].tolist()[:3] == ["3,000", "7,321", "11,642"]
    row = made.frame.iloc[0]
    assert row["tokens_per_second"] == pytest.approx(row["tokens"] / row["seconds"])
    assert "140 s for 20 kB" in made.note
