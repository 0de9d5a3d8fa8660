import pytest

from privatune.core.errors import PrivatuneError
from privatune.report.tables.stages import table

# seconds and peak memory in MiB of each job, in the order in which the stages run
JOBS = {
    "fetch_package/a": (4.0, 90),
    "corpus/a": (6.3, 322),
    "corpus/b": (6.31, 300),
    "pretrain/bfloat16": (310.0, 1240),
    "aggregate/round-1": (0.1, "-"),
}


def test_seconds_are_summed_memory_is_the_largest_and_what_was_not_measured_is_null(tmp_path):
    paths = [tmp_path / f"{name}.tsv" for name in JOBS]
    for path, (seconds, memory) in zip(paths, JOBS.values(), strict=True):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t{memory}\n")
    made = table(paths, tmp_path)
    assert list(made.frame.columns) == ["rule", "jobs", "seconds", "peak_memory_mb"]
    assert made.frame["rule"].tolist() == ["fetch_package", "corpus", "pretrain", "aggregate"]
    frame = made.frame.set_index("rule")
    assert frame.loc["corpus"].tolist() == pytest.approx([2, 12.61, 322 * 1.048576])
    assert frame.loc["pretrain"].tolist() == pytest.approx([1, 310.0, 1240 * 1.048576])
    assert frame["peak_memory_mb"].isna().tolist() == [False, False, False, True]
    assert made.shown["peak memory, MB"].tolist()[-1] == "–"


def test_repeated_measurements_of_a_job_count_each(tmp_path):
    (tmp_path / "encode.tsv").write_text("s\th:m:s\tmax_rss\n1.5\t0:00:01\t10\n2.5\t0:00:02\t20\n")
    assert table([tmp_path / "encode.tsv"], tmp_path).frame.to_numpy().tolist() == [
        ["encode", 2, 4.0, pytest.approx(20 * 1.048576)]
    ]


def test_a_file_from_elsewhere_is_named(tmp_path):
    (tmp_path / "x.tsv").write_text("s\tmax_rss\n1\t2\n")
    with pytest.raises(PrivatuneError, match=r"x\.tsv: is not in the folder"):
        table([tmp_path / "x.tsv"], tmp_path / "benchmarks")
