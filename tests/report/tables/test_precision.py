import pandas as pd

from privatune.report.tables.precision import table


def test_the_ends_of_the_curves_stand_beside_each_other(tmp_path):
    for name, last in (("a", 200.0), ("b", 201.0)):
        curve = pd.DataFrame({"step": [1, 2], "tokens": [10, 20], "seconds": [1.5, 3.0], "ppl_valid": [400.0, last]})
        curve.to_csv(tmp_path / f"{name}.csv", index=False)
    frame = table([tmp_path / "a.csv", tmp_path / "b.csv"], ["float32", "bfloat16"]).frame
    assert frame["precision"].tolist() == ["float32", "bfloat16"]
    assert frame["tokens"].tolist() == [20, 20]
    assert frame["ratio"].tolist() == [1.0, 1.005]
