"""Distributed gradient training against plain SGD on the mean gradient, and its count of bits."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from privatune.compression.codec import encode, lasting
from privatune.compression.settings import (
    DenseSettings,
    DgcSettings,
    HalfSettings,
    QsgdSettings,
    SignsgdSettings,
    TopkSettings,
)
from privatune.core.errors import PrivatuneError
from privatune.core.settings import CohortSettings
from privatune.core.streams import stream
from privatune.core.tensors import pack
from privatune.core.vectors import shapes_of
from privatune.federation.cohorts import cohort
from privatune.federation.settings import ClientSettings
from privatune.federation.task import visit_task
from privatune.models.arrays import Model
from privatune.models.network import initial_weights, zero_state
from privatune.models.settings import LstmSettings, NumericsSettings
from privatune.systems.compression.download import download
from privatune.systems.compression.follow import follow
from privatune.systems.compression.gradients import clipped, dealt
from privatune.systems.compression.methods import Choice, MethodSettings, choices
from privatune.text.streams import Stream
from privatune.training.batches import rows, window, window_count
from privatune.training.step import gradient, learner

WORDS, PERSONS, EACH = 40, 6, 60
STEPS = 24  # in two cohorts, who read as much general text beside their own
CLIENT = ClientSettings(minibatch=2, bptt=5, clip=1000)
COHORT = CohortSettings(size=2, rounds=2)


def texts(count, each, name):
    ids = stream(0, name).integers(1, WORDS, count * each).astype(np.uint16)
    return Stream(ids, np.ones(len(ids), np.uint8), np.arange(count + 1) * each, [f"u{i}" for i in range(count)])


@pytest.fixture(scope="module")
def setting():
    weights = initial_weights(LstmSettings(layers=1, hidden=8), WORDS, stream(0, "weights"))
    arrays = {name: weight.numpy() for name, weight in weights.items()}
    model = Model(arrays, {}, len(pack(arrays)))
    return weights, model, texts(PERSONS, EACH, "private"), texts(1, 900, "general")


def choice(codec, mode="gradient", down="dense", **others):
    settings = {
        "learning_rate": 0.5,
        "final_rate": 0.1,
        "averaged": 0.001,  # the newest model alone
        "download": DenseSettings(),
        "memory": "device",
        "client": CLIENT,
        "cohort": COHORT,
    }
    return Choice(mode=mode, codec=codec, down=down, **settings | others)


def run(setting, chosen, shares=(1.0,), seed=3):
    _, model, private, general = setting
    return list(follow(model, private, general, chosen, NumericsSettings(), seed, shares))


@pytest.mark.parametrize("mode", ["averaging", "gradient"])
def test_a_cohort_larger_than_the_persons_names_its_own_key(setting, mode):
    many = CohortSettings(size=PERSONS + 1, rounds=1)
    with pytest.raises(PrivatuneError, match=r"^compression\.cohort\.size: a round needs 7 persons, but only 6"):
        run(setting, choice(DenseSettings(), mode, cohort=many))


def texts_of(private, general, seed):
    """What each visit reads, in averaging's order."""
    visits = [(r, p) for r in (1, 2) for p in cohort(len(private.units), COHORT.size, r, seed)]
    return [visit_task(np.asarray(private.unit(p)), general.ids, CLIENT, (seed, r, p)).text for r, p in visits]


def test_dense_gradients_are_sgd_on_their_mean_one_person_after_the_other(setting):
    weights, _, private, general = setting
    lm = learner({name: weight.clone() for name, weight in weights.items()}, torch.float32)
    visits = [rows(text, CLIENT.minibatch, CLIENT.bptt) for text in texts_of(private, general, 3)]
    each = window_count(len(visits[0][0]), CLIENT.bptt)
    (end,) = run(setting, choice(DenseSettings()))
    assert end.steps == 2 * each
    for step in range(end.steps):
        joined, place = divmod(step, each)
        if not place:
            states = [zero_state(lm.computing, len(visits[0]))] * 2
        sums = {name: torch.zeros_like(weight) for name, weight in weights.items()}
        for n, shard in enumerate(visits[2 * joined : 2 * joined + 2]):
            found, _, states[n] = gradient(lm, *window(shard, place, CLIENT.bptt), states[n])
            for name, g in found.items():
                sums[name] += g
        for name, total in sums.items():
            lm.weights[name] -= 0.5 * (1 - 0.9 * step / end.steps) * total / 2
            lm.computing[name].data.copy_(lm.weights[name])
    for name, weight in lm.weights.items():
        np.testing.assert_allclose(end.model[name], weight.numpy(), rtol=1e-4, atol=1e-6)


def test_who_is_free_first_gets_the_next_person():
    assert dealt([5, 2, 2, 2, 1], 2) == ([[0, 4], [1, 2, 3]], 6)
    assert dealt([], 2) == ([[], []], 0)


@pytest.mark.parametrize("mode", ["averaging", "gradient"])
def test_what_is_looked_at_is_the_mean_of_the_newest_models(setting, mode):
    steps = run(setting, choice(DenseSettings(), mode))[-1].steps
    every = [(step + 1) / steps for step in range(steps)]
    models = [at.model for at in run(setting, choice(DenseSettings(), mode), every)]
    assert len(models) == steps
    shares = (0.5, 1.0)
    for at in run(setting, choice(DenseSettings(), mode, averaged=0.5), shares):
        newest = models[at.steps - max(1, round(0.5 * at.steps)) : at.steps]
        for name, array in at.model.items():
            np.testing.assert_allclose(array, np.mean([model[name] for model in newest], 0), rtol=1e-5, atol=1e-7)


def test_shares_of_the_same_step_are_one_stop(setting):
    found = run(setting, choice(DenseSettings(), "averaging"), (0.1, 0.2, 0.5, 1.0))
    assert [at.steps for at in found] == [1, 2]


def test_both_modes_read_the_same_words(setting):
    (averaged,), (followed,) = run(setting, choice(DenseSettings(), "averaging")), run(setting, choice(DenseSettings()))
    words = sum(map(len, texts_of(setting[2], setting[3], 3)))
    assert averaged.tokens == words
    seams = 4 * (CLIENT.minibatch - 1)  # words between two rows, which may be targets twice
    assert words - 4 <= followed.tokens <= words - 4 + seams, "the first word of each person is not predicted"


def test_epochs_and_dropout_of_devices_count_in_both_modes(setting):
    once = run(setting, choice(DenseSettings()))[-1]
    for key, value in (("epochs", 2), ("dropout", 0.5)):
        client = CLIENT.model_copy(update={key: value})
        averaged, followed = (
            run(setting, choice(DenseSettings(), mode).model_copy(update={"client": client}))[-1]
            for mode in ("averaging", "gradient")
        )
        assert abs(averaged.tokens - followed.tokens) <= client.epochs * 4
        assert (followed.tokens > once.tokens) == (key == "epochs")
        assert any((followed.model[name] != once.model[name]).any() for name in once.model)


@pytest.mark.parametrize("mode", ["averaging", "gradient"])
def test_persons_with_less_text_than_a_minibatch_train_on_what_they_have(setting, mode):
    client = CLIENT.model_copy(update={"minibatch": 1000})
    (end,) = run(setting, choice(DenseSettings(), mode).model_copy(update={"client": client}))
    assert end.steps and end.tokens > 0
    assert any((end.model[name] != weight.numpy()).any() for name, weight in setting[0].items())


def test_bits_are_those_of_payloads_and_answers(setting):
    weights, *_ = setting
    halfway, end = run(setting, choice(DenseSettings()), (0.5, 1.0))
    values = sum(weight.numel() for weight in weights.values())
    assert halfway.steps == round(end.steps / 2)
    for at in (halfway, end):
        assert 0 < at.bits_up / (at.steps * 2) - 32 * values < 8 * 400  # headers


@pytest.mark.parametrize("codec", [DenseSettings(), HalfSettings(name="half")])
def test_every_person_who_joins_is_charged_a_download(setting, codec):
    """As many as in averaging, where the same persons take part: four, of whom two at a time."""
    weights, model, *_ = setting
    arrays = {name: weight.numpy() for name, weight in weights.items()}
    length = download(arrays, codec, 0).length
    assert length < 0.6 * model.length or codec.name == "dense"
    sent = len(pack({"words": np.zeros(EACH, np.uint16)}))  # rehearsal brings as many words as a person has
    (averaged,) = run(setting, choice(DenseSettings(), "averaging", download=codec))
    assert averaged.bits_down == 8 * 4 * (length + sent)
    every = [(step + 1) / STEPS for step in range(STEPS)]
    found = run(setting, choice(DenseSettings(), download=codec), every)
    assert found[-1].bits_down - found[-1].bits_up == averaged.bits_down  # a dense answer is as long as a gradient
    extra = [at.bits_down - at.bits_up for at in found]
    joined = [n for n, (a, b) in enumerate(pairwise(extra), 2) if b > a]
    assert extra[0] == averaged.bits_down / 2 and joined == [STEPS // 2 + 1], (
        "when the first two have read all of their text"
    )


def test_a_download_is_what_its_payload_says(setting):
    arrays = {name: weight.numpy() for name, weight in setting[0].items()}
    dense = download(arrays, DenseSettings(), 0)
    eight = download(arrays, QsgdSettings(name="qsgd", levels=127, norm="max"), 0)
    assert eight.length < 0.35 * dense.length
    largest = max(np.abs(array).max() for array in arrays.values())
    for name, array in arrays.items():
        np.testing.assert_array_equal(dense.weights[name], array)
        np.testing.assert_allclose(eight.weights[name], array, atol=1.001 * largest / 127)
    assert (eight.weights["embedding"] != arrays["embedding"]).any()


@pytest.mark.parametrize("mode", ["averaging", "gradient"])
def test_devices_train_on_what_arrived_and_the_server_keeps_its_own_model(setting, mode):
    coarse, start = QsgdSettings(name="qsgd", levels=1), setting[1].arrays
    assert np.abs(download(start, coarse, 0).weights["embedding"] - start["embedding"]).max() > 0.01
    (still,) = run(setting, choice(DenseSettings(), mode, download=coarse, learning_rate=1e-6))
    for name, array in still.model.items():
        np.testing.assert_allclose(array, start[name], atol=1e-3)
    (dense,), (lossy,) = (run(setting, choice(DenseSettings(), mode, download=d)) for d in (DenseSettings(), coarse))
    assert np.abs(lossy.model["embedding"] - dense.model["embedding"]).max() > 1e-3


@pytest.mark.parametrize(
    "codec", [TopkSettings(name="topk", share=0.05), DgcSettings(name="dgc", share=0.05, momentum=0.9)]
)
def test_in_the_strict_variant_memory_leaves_with_the_person(setting, codec):
    """Until the next persons join both are one; then the memory of the first makes the difference."""
    shares = [(step + 1) / STEPS for step in range(STEPS)]
    kept, left = (run(setting, choice(codec, memory=memory), shares) for memory in ("device", "person"))
    same = [all((a.model[name] == b.model[name]).all() for name in a.model) for a, b in zip(kept, left, strict=True)]
    assert same == [True] * (STEPS // 2) + [False] * (STEPS // 2)
    forgetful = codec.model_copy(
        update={"momentum": 0.0, "share": 1.0} if codec.name == "dgc" else {"error_feedback": False}
    )
    kept, left = (run(setting, choice(forgetful, memory=memory))[-1] for memory in ("device", "person"))
    for name, array in kept.model.items():
        np.testing.assert_array_equal(array, left.model[name])


def test_the_warm_up_goes_on_where_memory_leaves(setting):
    like = {"v": np.ones(1000, np.float32)}
    codec, state, lengths = DgcSettings(name="dgc", share=0.001, warmup_steps=1), {}, []
    for _ in range(5):
        payload, state = encode(like, lasting(state), codec, 0, 1)
        lengths.append(len(payload))
    assert set(lasting(state)) == {"step"} and lengths == sorted(lengths, reverse=True) and len(set(lengths)) == 5


def test_memory_that_the_server_shares_cannot_leave():
    with pytest.raises(ValueError, match="memory: the server of ef21"):
        MethodSettings(mode="gradient", codec={"name": "ef21"}, memory="person", learning_rates=[1.0])


def test_a_stop_on_the_way_changes_nothing(setting):
    (alone,), (*_, end) = run(setting, choice(DenseSettings())), run(setting, choice(DenseSettings()), (0.25, 1.0))
    for name, array in alone.model.items():
        np.testing.assert_array_equal(array, end.model[name])


@pytest.mark.parametrize(
    ("codec", "down"),
    [
        (TopkSettings(name="topk", share=0.05), "sparse"),
        (QsgdSettings(name="qsgd"), "same"),
        (SignsgdSettings(name="signsgd"), "same"),
    ],
)
def test_a_compressed_answer_costs_fewer_bits_and_the_same_seed_gives_the_same_bits(setting, codec, down):
    (dense,), (first,), (again,) = (
        run(setting, choice(codec)),
        run(setting, choice(codec, down=down)),
        run(setting, choice(codec, down=down)),
    )
    assert first.bits_down < dense.bits_down
    assert first.bits_up == again.bits_up
    for name, array in first.model.items():
        np.testing.assert_array_equal(array, again.model[name])


@pytest.mark.parametrize(
    "codec",
    [
        TopkSettings(name="topk", share=0.05, error_feedback=False),
        DgcSettings(name="dgc", share=0.01, warmup_steps=2),  # the warm-up sends more than the share
    ],
)
def test_a_sparse_answer_loses_nothing(setting, codec):
    (dense,), (sparse,) = run(setting, choice(codec)), run(setting, choice(codec, down="sparse"))
    for name, array in dense.model.items():
        np.testing.assert_allclose(sparse.model[name], array, rtol=1e-6, atol=1e-7)


def test_clipping_keeps_the_direction_and_the_norm():
    update = {"a": np.array([3.0], np.float32), "b": np.array([[4.0]], np.float32)}
    assert clipped(update, 5.0) is update
    halved = clipped(update, 2.5)
    np.testing.assert_allclose([halved["a"][0], halved["b"][0, 0]], [1.5, 2.0])
    assert shapes_of(halved) == shapes_of(update)


def test_a_grid_is_every_rate_with_every_value():
    method = MethodSettings(
        mode="gradient", codec={"name": "topk"}, learning_rates=[1, 2], parameter={"share": [0.1, 0.2]}
    )
    shared = {"client": CLIENT, "cohort": COHORT, "final_rate": 0.1, "averaged": 0.5}
    found = [(c.learning_rate, c.codec.share) for c in choices(method, **shared)]
    assert found == [(1, 0.1), (1, 0.2), (2, 0.1), (2, 0.2)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"parameter": {"levels": [3]}}, "levels"),
        ({"codec": {"name": "topk"}, "parameter": {"share": [2]}}, "share"),
    ],
)
def test_a_grid_that_the_codec_does_not_have_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        MethodSettings(mode="gradient", learning_rates=[1.0], **settings)


def test_rates_fall_on_a_line():
    chosen = choice(DenseSettings())
    assert [chosen.rate_at(share) for share in (0.0, 0.5, 1.0)] == pytest.approx([0.5, 0.275, 0.05])
