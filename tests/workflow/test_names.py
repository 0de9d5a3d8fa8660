"""Names of scenarios: those that rules have are refused, and those that look like values are names."""

import pytest


@pytest.mark.parametrize("scenario", [{}, {"client": {"user_share": [0.1, 0.2]}}], ids=["scenario", "sweep"])
@pytest.mark.parametrize("name", ["all", "plan", "evaluate", "popov"])
def test_the_name_of_a_rule_or_target_is_refused(tmp_path, snakemake, name, scenario):
    process = snakemake(tmp_path, "main", options=["-n"], overlay={"scenarios": {name: scenario}}, fails=True)
    assert f"`scenarios.{name}`: {name} is the name of a rule or target; choose another name" in process.stdout


def test_names_that_look_like_values_are_targets(tmp_path, snakemake):
    names = ["001", "NA", "1e3", "inf", "True"]
    process = snakemake(tmp_path, *names, options=["-n"], overlay={"scenarios": {name: {} for name in names}})
    assert all(f"evaluation/{name}/seed-0/" in process.stdout for name in names)
