"""What holds for every codec."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from privatune.compression.codec import combine, decode, encode
from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream_key
from privatune.core.vectors import flat, shapes_of

LIBRARY = Path(__file__).parents[2] / "workflow_scripts"
CODECS = LIBRARY / "privatune/compression/codecs"


def test_every_codec_has_settings_and_a_file(every_codec):
    module = import_module(f"privatune.compression.codecs.{every_codec.name}")
    assert hasattr(module, "decode") == every_codec.single_updates
    assert hasattr(module, "combine") != every_codec.single_updates


def test_every_file_is_registered(settings):
    for path in CODECS.glob("[a-z]*.py"):
        assert settings(name=path.stem).name == path.stem


def one(update, settings, key=3):
    """What the server makes of one client's payload."""
    payload, _ = encode(update, {}, settings, key, 1)
    return payload, combine([payload], shapes_of(update), {}, settings, 1)[0]


def test_the_same_key_gives_the_same_bytes(every_codec, drawn):
    update = drawn(0)
    before = {name: array.copy() for name, array in update.items()}
    runs = []
    for _ in range(2):
        state, server, run = {}, {}, []
        for step in range(3):
            kept = {name: array.copy() for name, array in state.items()}
            payload, after = encode(update, state, every_codec, stream_key(1, "t", step), 2)
            for name, array in kept.items():
                np.testing.assert_array_equal(state[name], array, err_msg="encode changed the state that it was given")
            state = after
            mean, server = combine([payload, payload], shapes_of(update), server, every_codec, 2)
            run += [payload, *(mean[name].tobytes() for name in sorted(mean))]
        runs.append(run)
    assert runs[0] == runs[1]
    for name, array in before.items():
        np.testing.assert_array_equal(update[name], array)


@pytest.mark.parametrize("name", ["randomk", "terngrad", "qsgd", "powersgd"])
def test_another_key_gives_other_draws(name, settings, drawn):
    chosen = settings(name=name, **({"rank": 1} if name == "powersgd" else {}))
    assert one(drawn(0), chosen, 1)[0] != one(drawn(0), chosen, 2)[0]


def test_the_result_is_float64_in_the_model_s_shapes(every_codec, drawn, like):
    _, mean = one(drawn(0), every_codec)
    assert shapes_of(mean) == like
    assert {array.dtype for array in mean.values()} == {np.dtype(np.float64)}


def test_a_zero_update_gives_zero(every_codec, like):
    _, mean = one({name: np.zeros(shape, np.float32) for name, shape in like.items()}, every_codec)
    for array in mean.values():
        expected = every_codec.step if every_codec.name == "signsgd" else 0
        np.testing.assert_array_equal(np.abs(array), expected)


def test_tiny_models(every_codec, drawn):
    for shapes in ({}, {"none": (0,)}, {"one": ()}, {"none": (0, 3), "one": (1, 1)}):
        payload, mean = one(drawn(0, shapes), every_codec)
        assert shapes_of(mean) == shapes
        assert payload


def test_an_update_that_is_not_finite_is_refused(every_codec, drawn):
    for value in (np.nan, np.inf, -np.inf):
        update = drawn(0)
        update["weight"][2, 3] = value
        with pytest.raises(PrivatuneError, match="holds NaN or infinity"):
            encode(update, {}, every_codec, 0, 1)


def test_the_mean_is_over_the_public_cohort_size(every_codec, drawn, like):
    """Three of four clients sent something; a majority is one of those who did, whatever the size of the cohort."""
    payloads = [encode(drawn(number), {}, every_codec, number, 4)[0] for number in range(3)]
    if every_codec.single_updates:
        updates = list(decode(payloads, like, every_codec))
    else:
        updates = [combine([payload], like, {}, every_codec, 1)[0] for payload in payloads]
    mean, _ = combine(iter(payloads), like, {}, every_codec, 4)
    for name, array in mean.items():
        total = np.zeros(like[name])
        for update in updates:
            total += update[name]
        expected = every_codec.step * np.sign(total) if every_codec.name == "signsgd" else total / 4
        np.testing.assert_array_equal(array, expected)


def test_an_empty_cohort_gives_zero(settings, like):
    mean, _ = combine([], like, {}, settings(name="dense"), 4)
    assert all((array == 0).all() for array in mean.values())


@pytest.mark.parametrize("name", ["half", "topk", "randomk", "threshold", "onebit", "efsign", "powersgd"])
def test_what_was_sent_and_the_residual_are_the_sum_of_the_updates(name, settings, drawn, like):
    chosen = settings(name=name, error_feedback=True)
    state, sent, total = {}, 0, 0
    for step in range(20):
        update = drawn(step)
        payload, state = encode(update, state, chosen, stream_key(0, "t", step), 1)
        (received,) = decode([payload], like, chosen)
        sent, total = sent + flat(received).astype(np.float64), total + flat(update).astype(np.float64)
        np.testing.assert_allclose(sent + state["residual"], total, atol=1e-4)


@pytest.mark.parametrize("name", ["topk", "onebit", "efsign", "powersgd", "threshold"])
def test_error_feedback_sends_everything_in_the_end(name, settings, drawn):
    """The mean over steps of what was sent of one update goes to that update; without feedback it does not."""
    update = drawn(0)
    values = flat(update)
    distances = []
    more = {"threshold": {"tau": 5.0}, "powersgd": {"rank": 1}}.get(name, {})
    for feedback in (True, False):
        chosen = settings(name=name, error_feedback=feedback, **more)
        state, sent = {}, np.zeros(len(values))
        for step in range(400):
            payload, state = encode(update, state, chosen, step, 1)
            (received,) = decode([payload], shapes_of(update), chosen)
            sent += flat(received)
        distances.append(np.linalg.norm(sent / 400 - values) / np.linalg.norm(values))
    assert distances[0] < 0.2 * distances[1]


def test_single_updates_are_refused_where_there_are_none(settings, like):
    for name in ("signsgd", "ef21"):
        with pytest.raises(PrivatuneError, match="see each client's update"):
            decode([], like, settings(name=name))


def test_a_payload_of_another_codec_or_model_is_refused(every_codec, drawn, like):
    payload, _ = one(drawn(0), every_codec)
    other = {**like, "bias": (8,)}
    with pytest.raises(PrivatuneError, match="payload 1"):
        combine([encode(drawn(0, other), {}, every_codec, 0, 1)[0], payload], other, {}, every_codec, 2)


def test_light_codecs_start_fast():
    """A job of averaging takes a second less without numba, and torch has no place in one."""
    light = ", ".join(f"privatune.compression.codecs.{name}" for name in ("dense", "half", "powersgd"))
    code = (
        "import sys, privatune.federation.aggregation, privatune.federation.servers.average, "
        f"{light}; print({{'numba', 'torch', 'pandas'}} & sys.modules.keys())"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=LIBRARY, capture_output=True, text=True)
    assert (run.stdout.strip(), run.stderr) == ("set()", "")
