"""Methods as phases, and the files that phases read."""

import math
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from privatune.core.errors import PrivatuneError
from privatune.core.merging import merged
from privatune.core.written import LOADER
from privatune.experiment import experiment
from privatune.systems.dpcompress.plans import Phase, phases, reads
from privatune.systems.dpcompress.settings import MethodSettings, TrainSettings

DEFAULT = yaml.load((Path(__file__).parents[3] / "config/config.yaml").read_text(), LOADER)
TRAIN = TrainSettings(steps=40)
HALF = [0, 2, 5]


def plan(**method):
    return phases(TypeAdapter(MethodSettings).validate_python(method), TRAIN)


@pytest.mark.parametrize(
    "method",
    [
        {"kind": "probe"},
        {"kind": "fine-tune", "blocks": HALF, "start": "random"},
        {"kind": "distil", "blocks": HALF, "teacher_share": 0.3},
        {
            "kind": "drop",
            "stages": [{"steps": 10}, {"blocks": [0, 2, 4, 5], "steps": 5}, {"blocks": HALF, "steps": 15}],
        },
        {"kind": "prune", "prunings": 3, "pruning_share": 0.4},
    ],
)
def test_a_method_that_reads_private_text_spends_its_whole_budget(method):
    assert math.isclose(sum(phase.share for phase in plan(**method)), 1)
    assert len({phase.name for phase in plan(**method)}) == len(plan(**method)), "a ledger needs a name for each"


def test_a_student_on_public_text_spends_nothing():
    (student,) = plan(kind="distil-public", blocks=HALF, teacher="full")
    assert student.share == 0 and student.teacher == "finished" and student.weight == 1


def test_a_private_teacher_has_all_blocks_and_its_student_the_rest_of_the_budget():
    teacher, student = plan(kind="distil", blocks=[5, 0, 2], teacher_share=0.25, teacher_steps=7, weight=0.4)
    assert (teacher.blocks, teacher.steps, teacher.share) == (None, 7, 0.25)
    assert (student.blocks, student.steps, student.share) == ((0, 2, 5), 40, 0.75)
    assert (student.teacher, student.weight, student.start) == ("before", 0.4, "pretrained")


def test_each_pruning_removes_the_same_share_of_what_is_left_and_rewinds():
    found = plan(kind="prune", sparsity=0.75, prunings=2, pruning_steps=9, pruning_share=0.3)
    assert [phase.sparsity for phase in found] == [0, 0.5, 0.75]
    assert [phase.mask for phase in found] == ["none", "before", "before"]
    assert [phase.start for phase in found] == ["pretrained"] * 3
    assert [phase.steps for phase in found] == [9, 9, 40]


def test_dropping_blocks_goes_on_from_the_survivors():
    found = plan(kind="drop", stages=[{"steps": 10}, {"blocks": [0, 2, 5], "steps": 30}])
    assert [phase.start for phase in found] == ["pretrained", "before"]
    assert [phase.share for phase in found] == [0.25, 0.75]


@pytest.mark.parametrize(
    ("blocks", "trained", "name"),
    [
        (None, 2, "last-2"),
        (None, None, "tokens"),
        ((0, 2, 5), None, "tokens"),
        ((0, 2, 5), 1, "after-1"),  # block 2 is frozen too, but what it computes from block 0 is no file
        ((0, 1, 5), 1, "after-2"),
        ((1, 3, 5), 2, "after-0"),
        ((0, 1, 2), 3, "after-0"),
    ],
)
def test_a_phase_reads_what_its_frozen_lowest_blocks_compute(blocks, trained, name):
    assert reads(Phase("any", 1, blocks=blocks), TrainSettings(blocks=trained)) == name
    assert reads(Phase("any", 1, head_only=True), TrainSettings(blocks=trained)) == "vectors"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"public": "trec"}, "dpcompress.public: it is the private text itself"),
        ({"run": ["half", "absent"]}, "dpcompress.run: absent is not defined"),
        (
            {"run": ["half", "distil-public"], "exported": [], "curve": {"methods": []}},
            "dpcompress.methods.distil-public.teacher: full is not def",
        ),
        (
            {"curve": {"epsilons": [1], "methods": ["distil-public"]}},
            "dpcompress.methods.distil-public: its teacher full is not trained at 1",
        ),
        (
            {"methods": {"drop-blocks": {"kind": "drop", "stages": [{"steps": 1}, {"steps": 1}]}}},
            "each stage must keep fewer of the blocks of the one before it",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_in_one_line(changed, message):
    with pytest.raises(PrivatuneError, match=message):
        experiment(merged(DEFAULT, {"dpcompress": changed}))
