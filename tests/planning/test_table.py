import pytest
import yaml

from privatune import systems
from privatune.core.merging import merged
from privatune.core.written import LOADER
from privatune.experiment import experiment
from privatune.planning.jobs import Job
from privatune.planning.payloads import payload_bytes
from privatune.planning.table import table, work
from privatune.stages.work import Texts, Work

TEXTS = Texts({"sotu": 1e5, "wikitext2": 2e6}, 2e6, 200, 2500)
ROUND = {"scenario": "averaging-rehearsal", "seed": "0", "round": "4"}
NAMES = ROUND | {"shard": "0", "client": "0", "method": "gradient-topk", "variant": "dp"}
NAMES |= {
    "baseline": "ngram-private",
    "source": "chitchat",
    "set": "rotten_tomatoes",
    "encoder": "minilm",
    "classifier": "probe",
    "level": "2",
    "row": "dpzero",
    "cut": "2",
    "noise": "kappa-0.3",
    "compressed": "full",
    "exported": "dp-fedavg",
    "gathered": "classifier",
}
ALIKE = {"fetch_package", "keep_model", "guarantee", "dp_model", "table", "figure"}  # whose jobs all take as long


@pytest.fixture(scope="module")
def planned(pytestconfig):
    """A function that makes the table of the default experiment with some values changed."""
    config = yaml.load((pytestconfig.rootpath / "config/config.yaml").read_text(), LOADER)
    return lambda texts=TEXTS, **changed: table(experiment(merged(config, changed)), texts, payload_bytes)


def test_clients_share_a_round_and_rounds_a_block(planned):
    stages = planned(execution={"clients_per_job": 3})
    three, two = (work(Job("fine_tune", ROUND | {"shard": shard}), stages) for shard in "01")
    assert two.operations == pytest.approx(three.operations * 2 / 3)
    joined = work(Job("aggregate", ROUND), stages)
    for before in ("r/federated/s/seed-0/round-1/model.safetensors", "r/models/s/seed-0/round-1.safetensors"):
        block = work(Job("run_rounds", ROUND, inputs=(before,)), stages)
        assert block.operations == pytest.approx(3 * (three.operations + two.operations + joined.operations))
        assert block.up == pytest.approx(3 * (three.up + two.up))
    start = work(Job("run_rounds", ROUND, inputs=("r/general/float32/model.safetensors",)), stages)
    assert start.operations == pytest.approx(block.operations * 4 / 3)


def test_work_grows_with_what_makes_it_longer(planned):
    """A larger model, more text: more work and memory in every stage that they concern; never less in any."""
    larger = {"hidden": 512}
    large = planned(
        TEXTS._replace(person=5000, collected=4e6, sources={"sotu": 4e6}),
        model=larger,
        compression={"model": larger},
        dpfedavg={"training": {"model": larger}, "accounting": {"populations": [10_000_000] * 9}},
        tail={"texts": 20_000},
        dpzero={"dimension": {"steps": 1000}, "costs": {"tokens": 128}},
        sources={"rotten_tomatoes": {"part": "imdb"}, "reviews": {"part": "imdb"}},
        split={"attacked": 100, "attribute": {"messages": 100}},
        dpcompress={"train": {"steps": 100}, "export": {"repeats": 10}},
        export={"words": 1000},
    )
    for rule, stage in planned().items():
        small, more = stage.work(NAMES), large[rule].work(NAMES)
        assert all(b >= a for a, b in zip(small, more, strict=True)), rule
        assert (more.operations > small.operations) == ((stage.kin or rule) not in ALIKE), rule


def test_a_system_brings_its_stages_with_its_folder(planned, tmp_path, monkeypatch):
    stages = planned()
    system = tmp_path / "a_new_system"
    system.mkdir()
    (system / "__init__.py").touch()
    monkeypatch.setattr(systems, "__path__", [*systems.__path__, str(tmp_path)])
    assert planned().keys() == stages.keys(), "a system without rules of its own needs none"
    (system / "stages.py").write_text(
        "from privatune.stages.work import Stage, Work\n"
        "def stages(known, settings):\n    return {'a_new_rule': Stage(lambda _: Work(known.texts.person))}\n"
    )
    assert work(Job("a_new_rule"), planned()) == Work(2500)


def test_a_stage_takes_the_costs_of_one_that_there_is(planned):
    stages = planned()
    known = {
        "run_rounds": "fine_tune",
        "replicate_devices": "fine_tune",
        "dp_shard": "dp_train",
        "dp_round": "aggregate",
    }
    assert {name: stages[name].kin for name in known} == known
    assert all(stages[stage.kin].kin is None for stage in stages.values() if stage.kin)


def test_a_target_has_nothing_to_do(planned):
    assert work(Job("all"), planned()) == Work()
