"""What jobs ask a cluster for lies above what they were measured to need, and not far above it."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from privatune.core.files import read_json
from privatune.core.merging import merged
from privatune.core.written import LOADER
from privatune.experiment import experiment
from privatune.planning.known import read_costs
from privatune.planning.payloads import payload_bytes
from privatune.planning.requests import CUDA, most, needs, requested
from privatune.planning.table import table
from privatune.stages.work import Texts

CONFIG = Path(__file__).parents[2] / "config"
# the largest of a stage's jobs, in 10^6 bytes: a few steps at the sizes of config/paper.yaml, in float32
MEASURED_PAPER = {"pretrain": 1376, "fine_tune": 1685}
# with the build of torch that has CUDA, on a machine without a GPU, at the sizes of config/tiny.yaml
MEASURED_CUDA_BUILD = {
    "pretrain": 938,
    "fine_tune": 1113,
    "client_cost": 839,
    "evaluate": 1058,
    "pretrain_small": 942,
    "tune_method": 1081,
    "follow_method": 1105,
    "codec_costs": 990,
    "neighbour": 1014,
    "write_texts": 801,
    "pretrain_dp": 922,
    "dp_train": 937,
    "audit": 850,
    "measure_dp": 1093,
    "measure_ngram": 1031,
}
# at the sizes of config/config.yaml, on two cores in bfloat16
MEASURED = {
    stage: cost.memory.at(cost.memory.high) for stage, cost in read_costs(read_json(CONFIG / "costs.json")).items()
}
NAMES = {"source": "chitchat", "scenario": "server-distill-generated-5", "method": "averaging-dense"}
NAMES |= {"shard": "0", "round": "1", "baseline": "ngram-general", "variant": "dp"}
NAMES |= {"set": "rotten_tomatoes", "encoder": "minilm", "compressed": "full"}
NAMES |= {"exported": "general", "gathered": "classifier"}
NAMES |= {"classifier": "probe", "level": "2", "row": "dpzero", "cut": "2", "noise": "kappa-0.3"}


READ = {name: yaml.load((CONFIG / name).read_text(), LOADER) for name in ("config.yaml", "tiny.yaml", "paper.yaml")}


def configured(*overlays, **more):
    config = READ["config.yaml"]
    for overlay in overlays:
        config = merged(config, READ[overlay])
    return experiment({**config, "accelerator": "cpu", **more})


def asked(stage, *overlays, **more):
    e = configured(*overlays, **more)
    return needs(requested(e)[stage], NAMES, e.accelerator == "cuda")


STAGES = sorted(requested(configured()))


@pytest.mark.parametrize(
    ("stage", "measured", "overlays"),
    [(stage, measured, []) for stage, measured in MEASURED.items()]
    + [(stage, measured, ["paper.yaml"]) for stage, measured in MEASURED_PAPER.items()]
    + [(stage, measured, ["tiny.yaml"]) for stage, measured in MEASURED_CUDA_BUILD.items()],
)
def test_memory_lies_little_above_what_was_measured(stage, measured, overlays):
    memory, _ = asked(stage, *overlays)
    assert measured < memory < 3 * measured + 500


@pytest.mark.parametrize("stage", STAGES)
def test_larger_models_and_texts_never_need_less(stage):
    small, default, paper = (asked(stage, *overlays) for overlays in (["tiny.yaml"], [], ["paper.yaml"]))
    assert small[0] <= default[0] <= paper[0]
    assert small[1] <= default[1] <= paper[1]


def test_a_gpu_is_asked_for_where_models_train():
    memory = {stage: asked(stage, accelerator="cuda")[0] - asked(stage, accelerator="cpu")[0] for stage in STAGES}
    assert memory["pretrain"] == memory["fine_tune"] == CUDA
    assert memory["evaluate"] == memory["vocabulary"] == memory["codec_costs"] == 0


def test_what_is_asked_for_is_no_less_than_what_is_expected():
    """Both follow from one description: with less text, and by the real payloads, no job has more to do."""
    e = configured()
    expected = table(e, Texts({"sotu": 1e5, "wikitext2": 2.1e6}, 2.4e6, 200, 2500), payload_bytes)
    for stage, largest in requested(e).items():
        work, bound = expected[stage].work(NAMES), largest.work(NAMES)
        assert work.operations <= bound.operations and work.held <= 1.001 * bound.held, stage


def test_words_of_a_general_and_a_private_source_are_counted(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b"x" * 5000)
    source = {"kind": "files", "role": "private", "paths": [str(tmp_path / "a.jsonl")]}
    sources = READ["config.yaml"]["sources"] | {"chat": source}
    private = {"corpus": "chat", "min_words": 100, "max_words": 300}
    e = configured(sources=sources, general={"corpora": ["wikitext2"]}, private=private)
    found = most(e)
    assert found.sources == {"wikitext2": e.sources["wikitext2"].words()}
    assert found.collected == found.private == 1000
    few = most(e.model_copy(update={"private": e.private.model_copy(update={"max_persons": 2})}))
    assert (few.collected, few.private) == (1000, 600)


def test_the_snakefile_imports_nothing_heavy_for_it():
    program = (
        "import sys; from privatune.experiment import experiment; import privatune.planning.requests;"
        "import yaml; privatune.planning.requests.requested(experiment(yaml.safe_load(open(sys.argv[1]))));"
        "print({'numpy', 'numba', 'pyarrow', 'pandas', 'scipy', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, CONFIG / "config.yaml"],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "set()", done.stderr
