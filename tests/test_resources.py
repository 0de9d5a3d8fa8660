"""What jobs ask a cluster for lies above what they were measured to need, and not far above it."""

from pathlib import Path

import pytest
import yaml

from privatune.core.merging import merged
from privatune.experiment import experiment
from privatune.resources import CUDA, STAGES, needs, sizes, words_of

CONFIG = Path(__file__).parent.parent / "config"
# the largest of a stage's jobs, in 10^6 bytes, at the sizes of config/config.yaml (two cores, bfloat16)
MEASURED = {
    "fetch_package": 96,
    "read_corpus": 345,
    "split_persons": 240,
    "vocabulary": 233,
    "encode_general": 274,
    "encode_private": 209,
    "pretrain": 572,
    "fine_tune": 634,
    "aggregate": 337,
    "client_cost": 476,
    "evaluate": 541,
    "pretrain_small": 394,
    "tune_method": 522,
    "follow_method": 524,
    "codec_costs": 456,
    "neighbour": 599,
    "write_texts": 860,
    "fit_tails": 101,
    "account": 126,
    "pretrain_private": 414,
    "guarantee": 127,
    "train_private": 503,
    "measure_private": 500,
    "measure_ngram": 623,
}
# a few steps at the sizes of config/paper.yaml, in float32
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
    "pretrain_private": 922,
    "train_private": 937,
    "audit": 850,
    "measure_private": 1093,
    "measure_ngram": 1031,
}
NAMES = {"source": "chitchat", "scenario": "device-lwf", "method": "averaging-dense"}


READ = {name: yaml.safe_load((CONFIG / name).read_text()) for name in ("config.yaml", "tiny.yaml", "paper.yaml")}


def configured(*overlays, **more):
    config = READ["config.yaml"]
    for overlay in overlays:
        config = merged(config, READ[overlay])
    return experiment({**config, **more})


@pytest.mark.parametrize(
    ("stage", "measured", "overlays"),
    [(stage, measured, []) for stage, measured in MEASURED.items()]
    + [(stage, measured, ["paper.yaml"]) for stage, measured in MEASURED_PAPER.items()]
    + [(stage, measured, ["tiny.yaml"]) for stage, measured in MEASURED_CUDA_BUILD.items()],
)
def test_memory_lies_little_above_what_was_measured(stage, measured, overlays):
    memory, _ = needs(stage, sizes(configured(*overlays)), NAMES)
    assert measured < memory < 3 * measured + 500


@pytest.mark.parametrize("stage", STAGES)
def test_larger_models_and_texts_never_need_less(stage):
    small, default, paper = (
        needs(stage, sizes(configured(*overlays)), NAMES) for overlays in (["tiny.yaml"], [], ["paper.yaml"])
    )
    assert small[0] <= default[0] <= paper[0]
    assert small[1] <= default[1] <= paper[1]


def test_a_gpu_is_asked_for_where_models_train():
    e = configured(device="cuda")
    known, cpu = sizes(e), sizes(configured(device="cpu"))
    memory = {stage: needs(stage, known, NAMES)[0] - needs(stage, cpu, NAMES)[0] for stage in STAGES}
    assert memory["pretrain"] == memory["fine_tune"] == CUDA
    assert memory["evaluate"] == memory["vocabulary"] == memory["codec_costs"] == 0


def test_files_count_by_their_size(tmp_path):
    plain, packed = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    for path in (plain, packed):
        path.write_bytes(b"x" * 5000)
    source = {"kind": "files", "role": "private", "paths": [str(plain), str(packed), str(tmp_path / "missing.csv")]}
    e = configured(
        sources={"chat": source, "wikitext2": {"kind": "wikitext2"}},
        general={"corpora": ["wikitext2"]},
        private={"corpus": "chat"},
    )
    assert words_of(e.sources["chat"]) == sizes(e).private == 1000 + 4000
