import csv

import pytest
import yaml

from privatune.core.written import LOADER
from privatune.experiment import experiment
from privatune.planning import scale
from privatune.planning.known import Cost, Line
from privatune.planning.scale import at_scale
from privatune.stages.work import Texts

TEXTS = Texts({"sotu": 1e5}, 1e5, 200, 2500)


def planned(root, **plan):
    config = yaml.load((root / "config/config.yaml").read_text(), LOADER)
    config["plan"] |= {"populations": [2_000_000]} | plan
    training = config["dpfedavg"]["training"]
    training["model"], training["vocabulary"] = {"kind": "cifg", "layers": 1, "hidden": 670, "projection": 96}, 10_000
    return experiment(config)


@pytest.fixture
def no_epsilons(monkeypatch):
    """The epsilons, which take half a second, are left out."""
    monkeypatch.setattr(scale, "WAYS", [])


def test_bytes_by_hand(pytestconfig, no_epsilons):
    """The paper's model: 10,000 x 96 embedded, 3 gates of 670 by 96 twice, 670 x 96 projected, biases."""
    weights = 10_000 * 96 + 3 * 670 * 96 * 2 + 3 * 670 + 670 * 96 + 10_000
    found = at_scale(planned(pytestconfig.rootpath), TEXTS, {})
    assert found["parameters"] == weights
    assert found["bytes_up"] == found["bytes_down"] == weights * 4 * 20_000 * 2000
    assert found["device_hours"] is found["server_hours"] is None


def test_hours_follow_visits_words_and_speed(pytestconfig, no_epsilons):
    costs = {"dp_train": Cost(Line(9, 0.01), Line(0, 0)), "aggregate": Cost(Line(9, 0.02), Line(0, 0))}
    root = pytestconfig.rootpath
    once = at_scale(planned(root, words=1000), TEXTS, costs)
    assert once["device_hours"] * 3600 == pytest.approx(once["device_seconds"] * 20_000 * 2000)
    other = at_scale(planned(root, words=2000, device_speed=0.1, cohort={"size": 10_000, "rounds": 2000}), TEXTS, costs)
    assert other["device_seconds"] == pytest.approx(20 * once["device_seconds"])
    assert other["device_hours"] == pytest.approx(10 * once["device_hours"])
    assert other["server_hours"] == pytest.approx(once["server_hours"] / 2)


@pytest.mark.slow
@pytest.mark.parametrize("row", range(5))
def test_epsilons_of_the_paper(pytestconfig, row):
    with (pytestconfig.rootpath / "report/dpfedavg/paper.csv").open() as handle:
        paper = list(csv.DictReader(handle))[row]
    cohort = {"size": int(paper["cohort"]), "rounds": int(paper["rounds"])}
    sizes = {"populations": [int(paper["population"])], "cohort": cohort}
    e = planned(pytestconfig.rootpath, **sizes, noise_multiplier=float(paper["noise_multiplier"]))
    epsilons = {(r["source"], r["sampling"]): r["epsilon"] for r in at_scale(e, TEXTS, {})["epsilons"]}
    assert epsilons["as_paper", "fixed"] == pytest.approx(float(paper["epsilon"]), abs=0.01)
    assert epsilons["ours", "fixed"] > epsilons["as_paper", "fixed"] > epsilons["ours", "poisson"]
