"""Which classifiers of `dpzero` the target `export` takes: those that its own target trains."""

import pytest
from planning import TINY, alone, plan

from privatune.core.merging import merged

PROBE = {"method": "probe", "set": "rotten_tomatoes", "epsilon": None}


def exporting(**models):
    return {"export": {"run": list(models), "models": {name: {"dpzero": PROBE | m} for name, m in models.items()}}}


def test_a_classifier_is_trained_and_exported_once_under_each_of_its_names(tmp_path):
    jobs = alone(plan, tmp_path, merged(TINY, exporting(one={}, two={}, noised={"epsilon": 6})), ["export"]).jobs
    rules = [job.rule for job in jobs.values()]
    assert [rules.count(name) for name in ("train_classifiers", "export_dpzero", "gather_classifier")] == [2, 2, 3]
    assert "export_classifier" not in rules and "compress" not in rules


TWO_SETS = {"sets": ["rotten_tomatoes", "trec"], "methods": {"lora": {"leave_out": ["trec"]}}}


@pytest.mark.parametrize(
    ("changed", "system", "message"),
    [
        ({"method": "block"}, {}, "method`: block is not in `dpzero.run`; add it there, choose from probe, zeroth-1"),
        ({"set": "trec"}, {}, "set`: trec is not in `dpzero.sets`; add it there, choose from rotten_tomatoes, or"),
        ({"set": "trec", "method": "lora"}, TWO_SETS, "set`: `dpzero.methods.lora.leave_out` has trec; take it out"),
        ({"epsilon": 5}, {}, "epsilon`: 5 is not in `dpzero.epsilons`; add it there, choose from null, 6, or leave"),
        ({"method": "dpgd-0th"}, {"run": ["dpgd-0th"]}, "epsilon`: dpgd-0th is not trained without noise"),
    ],
)
def test_what_no_target_trains_is_refused(tmp_path, snakemake, changed, system, message):
    overlay = exporting(mine=changed) | {"dpzero": system}
    process = snakemake(tmp_path, "export", options=["-n"], overlay=overlay, fails=True)
    assert f"config: `export.models.mine.dpzero.{message}" in process.stdout + process.stderr
