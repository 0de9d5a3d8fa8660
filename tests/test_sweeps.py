from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.errors import PrivatuneError
from privatune.core.written import LOADER
from privatune.experiment import experiment
from privatune.sweeps import swept

CONFIG = yaml.load((Path(__file__).parents[1] / "config/config.yaml").read_text(), LOADER)
BASE = {"run": ["initial", "a", "b"], "scenarios": {"a": {"client": {"user_share": [0.25, 0.5]}}, "b": {}}}


def with_scenario(overrides, **others):
    return CONFIG | {"scenarios": CONFIG["scenarios"] | {"averaging-rehearsal": overrides}} | others


def test_a_configuration_without_lists_is_left_as_it_is():
    made = swept(CONFIG)
    assert (made.config, made.values, made.variants) == (CONFIG, {}, {})


def test_a_list_makes_a_variant_each_wherever_the_sweep_is_named():
    config = BASE | {
        "popov": {"scenarios": ["b", "a"], "seeds": [0]},
        "report": {"cost_scenarios": ["a"], "paper": {"a": {1: "row"}, "b": {1: "other"}}},
        "tail": {"scenario": "a"},
    }
    both = ["a-user_share-0.25", "a-user_share-0.5"]
    made = swept(config)
    assert made.variants == {"a": both}
    assert made.config["run"] == ["initial", *both, "b"]
    assert made.config["popov"] == {"scenarios": ["b", *both], "seeds": [0]}
    assert made.config["report"] == {"cost_scenarios": both, "paper": {"b": {1: "other"}}}
    assert made.config["tail"] == {"scenario": both[0]}
    assert made.config["scenarios"] == {
        both[0]: {"client": {"user_share": 0.25}},
        both[1]: {"client": {"user_share": 0.5}},
        "b": {},
    }
    assert swept(made.config) == (made.config, {}, {}), "a variant can be written out by hand"


def test_one_variant_can_be_named():
    made = swept(BASE | {"run": ["a-user_share-0.5"]})
    assert made.config["run"] == ["a-user_share-0.5"]


@given(
    rates=st.lists(st.floats(0.01, 1), min_size=1, max_size=3),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=3),
)
def test_several_lists_make_every_combination(rates, sizes):
    config = {"scenarios": {"a": {"client": {"learning_rate": rates, "minibatch": 5}, "cohort": {"size": sizes}}}}
    made = swept(config)
    pairs = [(rate, size) for rate in dict.fromkeys(rates) for size in dict.fromkeys(sizes)]
    assert [tuple(values.values()) for values in made.values.values()] == pairs
    for (name, scenario), (rate, size) in zip(made.config["scenarios"].items(), pairs, strict=True):
        assert scenario == {"client": {"learning_rate": rate, "minibatch": 5}, "cohort": {"size": size}}
        assert name == f"a-learning_rate-{rate}-size-{size}"


def test_keys_that_end_alike_are_named_in_full_and_truth_values_as_yaml_has_them():
    made = swept({"scenarios": {"a": {"client": {"minibatch": [1]}, "server": {"minibatch": [2], "real": [True]}}}})
    assert made.variants["a"] == ["a-client.minibatch-1-server.minibatch-2-real-true"]


@pytest.mark.parametrize("value", [[], [[1]], [{"name": "dense"}], [None]])
def test_what_is_no_sweep(value):
    with pytest.raises(PrivatuneError, match=r"`scenarios\.a\.codec` is .* a sweep is a list of numbers"):
        swept({"scenarios": {"a": {"codec": value}}})


def test_a_variant_whose_name_is_taken():
    with pytest.raises(PrivatuneError, match=r"its variant a-size-2 has the name of another one; rename one"):
        swept({"scenarios": {"a": {"cohort": {"size": [1, 2]}}, "a-size-2": {}}})


def test_variants_inherit_and_are_validated_as_any_scenario():
    made = experiment(with_scenario({"client": {"user_share": [0.25, 0.75], "epochs": 2}}))
    scenarios = made.scenarios
    assert scenarios["averaging-rehearsal-user_share-0.75"].client.user_share == 0.75
    assert scenarios["averaging-rehearsal-user_share-0.25"].client.epochs == 2
    assert scenarios["averaging-rehearsal-user_share-0.25"].cohort.size == CONFIG["federation"]["cohort"]["size"]
    assert [name for name in made.run if "averaging-rehearsal" in name] == [
        "averaging-rehearsal-user_share-0.25",
        "averaging-rehearsal-user_share-0.75",
    ]
    with pytest.raises(PrivatuneError, match=r"averaging-rehearsal-user_share-7\.client\.user_share"):
        experiment(with_scenario({"client": {"user_share": [0.5, 7]}}))
    with pytest.raises(PrivatuneError, match="unknown key"):
        experiment(with_scenario({"client": {"user_shares": [0.5, 0.7]}}))


@pytest.mark.parametrize(
    ("listed", "values"),
    [
        (["1e-3", 0.001, 0.0010], [0.001]),
        ([0.5, "0.5", ".5"], [0.5]),
        (["1e3", 1000, 1000.0], [1000]),
        ([1, 1.0, "1"], [1]),
        ([True, 1, False, 0], [True, 1, False, 0]),
        (["adam", "sgd", "adam"], ["adam", "sgd"]),
        (["1e400", 1], ["1e400", 1]),
    ],
)
def test_values_that_are_one_value_make_one_variant(listed, values):
    made = swept({"scenarios": {"a": {"client": {"x": listed}}}})
    found = [assigned["client.x"] for assigned in made.values.values()]
    assert list(map(repr, found)) == list(map(repr, values))


def test_a_variant_is_named_by_its_value_however_it_is_written():
    assert swept({"scenarios": {"a": {"x": ["1e-3", 2]}}}).variants == {"a": ["a-x-0.001", "a-x-2"]}
