import pytest

from privatune.core.errors import PrivatuneError
from privatune.report.tables.stages import table


def test_seconds_are_summed_and_memory_is_the_largest(make_run):
    run = make_run()
    frame = table(run.benchmarks, run.folder).frame.set_index("rule")
    assert list(frame.columns) == ["jobs", "seconds", "peak_memory_mb"]
    assert frame.loc["corpus"].tolist() == pytest.approx([3, 3 * 6.3 + 0.03, 322 * 1.048576])
    assert frame.loc["pretrain"].tolist() == pytest.approx([1, 310.0, 1240 * 1.048576])
    assert frame.index.tolist()[:2] == ["fetch_package", "corpus"]


def test_memory_that_could_not_be_measured_is_null(make_run):
    run = make_run()
    made = table(run.benchmarks, run.folder)
    row = made.frame["rule"] == "aggregate"
    assert made.frame.loc[row, "peak_memory_mb"].isna().all()
    assert made.shown.loc[row, "peak memory, MB"].tolist() == ["–"]


def test_repeated_measurements_of_a_job_count_each(tmp_path):
    (tmp_path / "encode.tsv").write_text("s\th:m:s\tmax_rss\n1.5\t0:00:01\t10\n2.5\t0:00:02\t20\n")
    assert table([tmp_path / "encode.tsv"], tmp_path).frame.to_numpy().tolist() == [
        ["encode", 2, 4.0, pytest.approx(20 * 1.048576)]
    ]


def test_a_file_from_elsewhere_is_named(tmp_path):
    (tmp_path / "x.tsv").write_text("s\tmax_rss\n1\t2\n")
    with pytest.raises(PrivatuneError, match=r"x\.tsv: is not under"):
        table([tmp_path / "x.tsv"], tmp_path / "benchmarks")
