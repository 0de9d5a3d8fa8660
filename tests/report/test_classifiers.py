import pandas as pd

from privatune.report.classifiers import distinct, labels


def test_labels_tell_methods_apart():
    rows = pd.DataFrame(
        [
            ("zeroth-1", "MeZO", None, 500),
            ("zeroth-1", "DPZero", 2.0, 500),
            ("forwards-1", "DPZero", 2.0, 8000),
            ("mine", "DPZero", 2.0, 8000),
            ("probe", "linear probe", None, 100),
        ],
        columns="method name epsilon steps".split(),
    )
    assert labels(rows) == {
        "zeroth-1": "DPZero, 500 steps",
        "forwards-1": "DPZero, 8,000 steps (forwards-1)",
        "mine": "DPZero, 8,000 steps (mine)",
        "probe": "linear probe",
    }


def test_a_classifier_that_no_seed_changes_is_one_row():
    rows = pd.DataFrame({"seed": [0, 1], "accuracy": [70.0, 70.0], "accuracy_resampled": ["69 71", "69 71"]})
    assert distinct(rows)[["seed", "round"]].to_numpy().tolist() == [[0, 0]], "round 0 counts for every seed"
    other = rows.assign(accuracy_resampled=["69 71", "69 72"])
    assert distinct(other)["round"].tolist() == [1, 1]
    assert distinct(rows.head(1))["round"].tolist() == [1], "one seed says nothing about others"
    assert distinct(rows.head(0)).empty
