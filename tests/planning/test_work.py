import numpy as np
import pytest
import yaml
from pydantic import TypeAdapter

from privatune.compression.settings import CodecSettings
from privatune.experiment import experiment
from privatune.federation.settings import ClientSettings
from privatune.federation.task import visit_task
from privatune.models.settings import LstmSettings
from privatune.models.sizes import parameters
from privatune.planning.jobs import Job
from privatune.planning.payloads import payload_bytes
from privatune.planning.sizes import Texts, Work, visit_words
from privatune.planning.work import STAGES, Setting, work

TEXTS = Texts({"sotu": 1e5, "wikitext2": 2e6}, 2e6, 200, 2500)


@pytest.fixture(scope="module")
def e(pytestconfig):
    return experiment(yaml.safe_load((pytestconfig.rootpath / "config/config.yaml").read_text()))


@pytest.mark.parametrize("objective", ["plain", "rehearsal", "lwf"])
@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_words_of_a_visit_are_those_of_its_task(objective, share):
    client = ClientSettings(objective=objective, user_share=share, epochs=3)
    task = visit_task(np.arange(1000), np.arange(5000), client, (0, 1, 2))
    trained, sent = visit_words(client, 1000)
    assert trained == pytest.approx(3 * len(task.text), abs=3)
    assert sent == pytest.approx(0 if task.sent is None else len(task.sent), abs=1)


def test_a_payload_is_counted_by_encoding():
    model = LstmSettings(layers=1, hidden=64)
    weights = 4 * parameters(model, 2000)
    sizes = {
        name: payload_bytes(TypeAdapter(CodecSettings).validate_python({"name": name}), model, 2000, 5)
        for name in ("dense", "half", "topk")
    }
    assert weights < sizes["dense"] < 1.001 * weights
    assert sizes["half"] == pytest.approx(sizes["dense"] / 2, rel=1e-3)
    assert sizes["topk"] < sizes["half"] / 4


def test_clients_share_a_round_and_rounds_a_block(e):
    setting = Setting(e.model_copy(update={"execution": e.execution.model_copy(update={"clients_per_job": 3})}), TEXTS)
    names = {"scenario": "averaging-rehearsal", "seed": "0", "round": "4"}
    three, two = (work(Job("fine_tune", names | {"batch": batch}), setting) for batch in "01")
    assert two.operations == pytest.approx(three.operations * 2 / 3)
    joined = work(Job("aggregate", names), setting)
    block = work(Job("run_rounds", names, inputs=("r/federated/s/seed-0/round-1/model.safetensors",)), setting)
    assert block.operations == pytest.approx(3 * (three.operations + two.operations + joined.operations))
    assert block.up == pytest.approx(3 * (three.up + two.up))
    kept = work(Job("run_rounds", names, inputs=("r/models/s/seed-0/round-1.safetensors",)), setting)
    assert kept == block, "wherever the model of round 1 lies"
    start = work(Job("run_rounds", names, inputs=("r/general/float32/model.safetensors",)), setting)
    assert start.operations == pytest.approx(block.operations * 4 / 3)


def test_work_grows_with_what_makes_it_longer(e):
    """A larger model, more text: more work and memory in every stage that they concern; never less in any."""
    larger = {"hidden": 512}
    sizes = {
        "model": e.model.model_copy(update=larger),
        "compression": e.compression.model_copy(update={"model": e.compression.model.model_copy(update=larger)}),
        "dpfedavg": e.dpfedavg.model_copy(
            update={
                "training": e.dpfedavg.training.model_copy(
                    update={"model": e.dpfedavg.training.model.model_copy(update=larger)}
                )
            }
        ),
    }
    large = Setting(e.model_copy(update=sizes), TEXTS._replace(person=5000, collected=4e6, sources={"sotu": 4e6}))
    names = {"scenario": "averaging-rehearsal", "seed": "0", "round": "1", "batch": "0", "client": "0"}
    names |= {"slot": "0"}
    names |= {"method": "gradient-topk", "variant": "private", "baseline": "ngram-private", "source": "chitchat"}
    for rule in STAGES:
        small, more = (work(Job(rule, names), setting) for setting in (Setting(e, TEXTS), large))
        assert small is not None and more >= small, rule
        assert more.operations > small.operations or rule == "keep_model", rule


def test_jobs_of_unnamed_rules_cost_the_same(e):
    assert work(Job("table_comparison"), Setting(e, TEXTS)) == Work()
