"""Which models a configuration may name."""

from pathlib import Path

import pytest
import yaml

from privatune.core.errors import PrivatuneError
from privatune.core.merging import merged
from privatune.core.written import LOADER
from privatune.experiment import experiment

PROBE = {"method": "probe", "set": "trec", "epsilon": 2}
DEFAULT = yaml.load((Path(__file__).parents[2] / "config/config.yaml").read_text(), LOADER)


def named(**model):
    return experiment(merged(DEFAULT, {"export": {"models": {"mine": model}, "run": ["mine"]}})).export.models["mine"]


def test_a_model_is_that_of_one_training():
    assert named(scenario="averaging-plain", seed=1, round=4).round == 4
    assert named(variant="fedavg").scenario is None
    assert named(dpzero={"method": "probe", "set": "trec", "epsilon": None}).dpzero.epsilon is None


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({}, "it names no training; name one of scenario, variant, classifier and dpzero"),
        ({"scenario": "initial", "variant": "dp"}, "it names scenario and variant; name one of"),
        ({"variant": "dp", "round": 2}, "round: this model has no rounds to choose from; leave it out"),
        ({"scenario": "initial", "seed": 1}, "seed: this model has only one; leave it out"),
        ({"scenario": "initial", "round": 1}, "round: this model has no rounds"),
        ({"scenario": "averaging-plain", "round": 18}, "export.models.mine.round: averaging-plain has 17 rounds"),
        ({"scenario": "averaging"}, "export.models.mine.scenario: averaging is not defined"),
        ({"variant": "noise"}, "export.models.mine.variant: noise is not defined"),
        ({"classifier": "tiny"}, "export.models.mine.classifier: tiny is not defined"),
        ({"classifier": "full", "dpzero": PROBE}, "it names classifier and dpzero; name one of"),
        ({"dpzero": PROBE, "seed": 1}, "seed: this model has only one; leave it out"),
        ({"dpzero": PROBE, "round": 1}, "round: this model has no rounds"),
        ({"dpzero": PROBE | {"method": "tiny"}}, "export.models.mine.dpzero.method: tiny is not defined"),
        ({"dpzero": PROBE | {"set": "tiny"}}, "export.models.mine.dpzero.set: tiny is not defined"),
        ({"dpzero": PROBE | {"epsilon": 0}}, "`export.models.mine.dpzero.epsilon` is 0"),
        ({"dpzero": {"method": "probe", "set": "trec"}}, "`export.models.mine.dpzero.epsilon` is missing; add it"),
    ],
)
def test_what_does_not_fit_is_refused(model, message):
    with pytest.raises(PrivatuneError, match=message):
        named(**model)


def test_a_model_that_is_not_defined_is_refused():
    with pytest.raises(PrivatuneError, match=r"export.run: other is not defined"):
        experiment(merged(DEFAULT, {"export": {"run": ["other"]}}))


def test_a_head_that_is_not_linear_is_not_exported():
    prompt = merged(
        DEFAULT, {"dpzero": {"head": {"name": "prompt"}}, "export": {"models": {"mine": {"dpzero": PROBE}}}}
    )
    assert experiment(prompt).export.models["mine"].dpzero.set == "trec"
    message = r"export.models.mine.dpzero: `dpzero.head` is prompt, and only .* or leave mine out of `export.run`"
    with pytest.raises(PrivatuneError, match=message):
        experiment(merged(prompt, {"export": {"run": ["general", "mine"]}}))


def test_of_a_sweep_the_first_variant_is_exported():
    swept = {"scenarios": {"averaging-rehearsal": {"client": {"user_share": [0.25, 0.5]}}}}
    models = experiment(merged(DEFAULT, swept)).export.models
    assert models["averaging-rehearsal"].scenario == "averaging-rehearsal-user_share-0.25"
