"""Distributed gradient training against plain SGD on the mean gradient, and its count of bits."""

import numpy as np
import pytest
import torch

from privatune.compression.settings import DenseSettings, DgcSettings, QsgdSettings, SignsgdSettings, TopkSettings
from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.core.tensors import pack
from privatune.core.vectors import shapes_of
from privatune.federation.cohorts import cohort
from privatune.federation.settings import ClientSettings, CohortSettings
from privatune.federation.task import visit_task
from privatune.models.network import initial_weights, zero_state
from privatune.models.settings import LstmSettings, NumericsSettings
from privatune.systems.compression.follow import follow
from privatune.systems.compression.gradients import clipped
from privatune.systems.compression.methods import Choice, MethodSettings, choices
from privatune.text.streams import Stream
from privatune.training.batches import rows, window
from privatune.training.step import gradient, learner

WORDS, PERSONS, EACH = 40, 6, 130
CLIENT = ClientSettings(batch=2, bptt=5, clip=1000)
COHORT = CohortSettings(size=2, rounds=2)


def texts(count, each, name):
    ids = stream(0, name).integers(1, WORDS, count * each).astype(np.uint16)
    return Stream(ids, np.ones(len(ids), np.uint8), np.arange(count + 1) * each, [f"u{i}" for i in range(count)])


@pytest.fixture(scope="module")
def setting():
    weights = initial_weights(LstmSettings(layers=1, hidden=8), WORDS, stream(0, "weights"))
    model = pack({name: weight.numpy() for name, weight in weights.items()})
    return weights, model, texts(PERSONS, EACH, "private"), texts(1, 900, "general")


def choice(codec, mode="gradient", down="dense"):
    return Choice(mode=mode, learning_rate=0.5, codec=codec, down=down, final_rate=0.1, client=CLIENT, cohort=COHORT)


def run(setting, chosen, shares=(1.0,), seed=3):
    _, model, private, general = setting
    return list(follow(model, private, general, chosen, NumericsSettings(), seed, shares))


def text_of(private, general, seed):
    visits = [(r, p) for r in (1, 2) for p in cohort(PERSONS, COHORT.size, r, seed)]
    return np.concatenate(
        [visit_task(np.asarray(private.unit(p)), general.ids, CLIENT, (seed, r, p)).text for r, p in visits]
    )


def test_dense_gradients_are_sgd_on_their_mean(setting):
    weights, _, private, general = setting
    lm = learner({name: weight.clone() for name, weight in weights.items()}, torch.float32)
    shards = [rows(shard, CLIENT.batch) for shard in np.array_split(text_of(private, general, 3), 2)]
    states = [zero_state(lm.computing, CLIENT.batch)] * 2
    (end,) = run(setting, choice(DenseSettings()))
    for step in range(end.steps):
        sums = {name: torch.zeros_like(weight) for name, weight in weights.items()}
        for place, shard in enumerate(shards):
            found, _, states[place] = gradient(lm, *window(shard, step, CLIENT.bptt), states[place])
            for name, g in found.items():
                sums[name] += g
        for name, total in sums.items():
            lm.weights[name] -= 0.5 * (1 - 0.9 * step / end.steps) * total / 2
            lm.computing[name].data.copy_(lm.weights[name])
    for name, weight in lm.weights.items():
        np.testing.assert_allclose(end.model[name], weight.numpy(), rtol=1e-4, atol=1e-6)


def test_both_modes_read_the_same_words(setting):
    (averaged,), (followed,) = run(setting, choice(DenseSettings(), "averaging")), run(setting, choice(DenseSettings()))
    words = len(text_of(setting[2], setting[3], 3))
    assert averaged.tokens == words
    assert words - 2 * 2 * (CLIENT.bptt + 1) < followed.tokens <= words


def test_epochs_and_dropout_of_devices_count_in_both_modes(setting):
    once = run(setting, choice(DenseSettings()))[-1]
    for key, value in (("epochs", 2), ("dropout", 0.5)):
        client = CLIENT.model_copy(update={key: value})
        averaged, followed = (
            run(setting, choice(DenseSettings(), mode).model_copy(update={"client": client}))[-1]
            for mode in ("averaging", "gradient")
        )
        assert abs(averaged.tokens - followed.tokens) <= 2 * 2 * (CLIENT.bptt + 1)
        assert (followed.tokens > once.tokens) == (key == "epochs")
        assert any((followed.model[name] != once.model[name]).any() for name in once.model)


def test_too_little_text_is_one_line(setting):
    client = CLIENT.model_copy(update={"batch": 1000})
    with pytest.raises(PrivatuneError, match="give no window"):
        run(setting, choice(DenseSettings()).model_copy(update={"client": client}))


def test_bits_are_those_of_payloads_and_answers(setting):
    weights, model, _, _ = setting
    halfway, end = run(setting, choice(DenseSettings()), (0.5, 1.0))
    values = sum(weight.numel() for weight in weights.values())
    assert halfway.steps == round(end.steps / 2)
    for at in (halfway, end):
        assert 0 < at.bits_up / (at.steps * 2) - 32 * values < 8 * 400  # headers
    assert (end.bits_down - halfway.bits_down) == (end.bits_up - halfway.bits_up)
    assert halfway.bits_down - halfway.bits_up > 8 * 2 * len(model)  # models and rehearsal text, once


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
    found = [(c.learning_rate, c.codec.share) for c in choices(method, CLIENT, COHORT, 0.1)]
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
