"""Each method against a slow, plain one, and what its paper promises of it."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from privatune.compression.codec import combine, decode, encode
from privatune.compression.codecs.half import _to_bfloat16
from privatune.compression.kernels.indices import pack_indices
from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream_key
from privatune.core.vectors import flat, shaped, shapes_of

VECTOR = {"v": (60,)}


def received(update, settings, key=0, state=None):
    """What the server decodes, as one vector, and the client's next state."""
    payload, after = encode(update, state or {}, settings, key, 1)
    (decoded,) = decode([payload], shapes_of(update), settings)
    return flat(decoded), after


def largest(values, k):
    """Zero but for the k largest magnitudes; of equal ones the first."""
    chosen = sorted(range(len(values)), key=lambda i: (-abs(values[i]), i))[:k]
    return np.array([value if i in chosen else 0 for i, value in enumerate(values)], np.float32)


def header(name, like, sections):
    """Bytes of a payload beside its sections; no size here is above 127."""
    tensors = sum(1 + len(tensor) + 1 + len(shape) for tensor, shape in like.items())
    return 9 + 1 + len(name) + 1 + tensors + 8 * sections


def nonzero(update, settings):
    return np.flatnonzero(received(update, settings)[0]).astype(np.uint32)


N, TENSORS = 62, 5  # values and tensors of the model of conftest.py


@pytest.mark.parametrize(
    ("values", "sections", "size"),
    [
        ({"name": "dense"}, 1, 4 * N),
        ({"name": "half"}, 1, 2 * N),
        ({"name": "topk", "share": 0.1}, 2, lambda i: 4 + len(pack_indices(i)) + 4 * 7),
        ({"name": "randomk", "share": 0.1}, 2, 16 + 4 * 7),
        ({"name": "threshold", "tau": 1.0}, 2, lambda i: 4 + len(pack_indices(i)) + math.ceil(len(i) / 8)),
        ({"name": "dgc", "share": 0.1}, 2, lambda i: 4 + len(pack_indices(i)) + 4 * 7),
        ({"name": "onebit"}, 2, 8 * TENSORS + math.ceil(N / 8)),
        ({"name": "signsgd"}, 2, math.ceil(N / 8)),
        ({"name": "efsign"}, 2, 4 * TENSORS + math.ceil(N / 8)),
        ({"name": "terngrad"}, 2, 4 * TENSORS + math.ceil(N / 5)),
        ({"name": "qsgd", "levels": 1, "bucket": 8}, 2, 4 * 8 + math.ceil(N * 2 / 8)),
        ({"name": "qsgd", "levels": 7}, 2, 4 + math.ceil(N * 4 / 8)),
        ({"name": "qsgd", "levels": 8}, 2, 4 + math.ceil(N * 5 / 8)),
        ({"name": "qsgd", "levels": 127}, 2, 4 + N),
        # the matrices are 6 x 5 and 3 x 8; the scalar, the vector and the tensor without values are sent whole
        ({"name": "powersgd", "rank": 1}, 1, 4 * (6 + 5 + 3 + 8 + 1 + 7)),
        # of rank 3 would be 33 numbers for either: more than the matrices have
        ({"name": "powersgd", "rank": 3}, 1, 4 * N),
    ],
)
def test_a_payload_is_as_long_as_it_must_be(values, sections, size, settings, drawn, like):
    chosen, update = settings(**values), drawn(0)
    payload, _ = encode(update, {}, chosen, 0, 1)
    expected = size if isinstance(size, int) else size(nonzero(update, chosen))
    assert len(payload) == header(chosen.name, like, sections) + expected


def test_dense_and_full_shares_are_the_identity(settings, drawn):
    update = drawn(0)
    for values in (
        {"name": "dense"},
        {"name": "topk", "share": 1},
        {"name": "randomk", "share": 1},
        {"name": "dgc", "share": 1, "clip": 1e6},
        {"name": "powersgd", "rank": 6},
    ):
        np.testing.assert_array_equal(received(update, settings(**values))[0], flat(update))


@given(hnp.arrays(np.float32, 20, elements=st.floats(-60000, 60000, width=32)))
def test_half_rounds_to_the_nearest(values):
    np.testing.assert_array_equal(
        values.astype("<f2"), np.array([struct.unpack("<e", struct.pack("<e", float(v)))[0] for v in values], "<f2")
    )
    for value, stored in zip(values, _to_bfloat16(values).tolist(), strict=True):
        below = np.float32(struct.unpack("<f", struct.pack("<I", (stored - 1 & 0xFFFF) << 16))[0])
        this = np.float32(struct.unpack("<f", struct.pack("<I", stored << 16))[0])
        above = np.float32(struct.unpack("<f", struct.pack("<I", (stored + 1 & 0xFFFF) << 16))[0])
        distance = abs(float(this) - float(value))
        for other in (below, above):
            away = abs(float(other) - float(value))
            assert not away < distance
            assert away != distance or stored % 2 == 0


def test_bfloat16_ties_go_to_the_even_one():
    halfway = np.array([0x3F808000, 0x3F818000, 0xBF818000], np.uint32).view(np.float32)
    assert [hex(bits) for bits in _to_bfloat16(halfway)] == ["0x3f80", "0x3f82", "0xbf82"]


def test_half_refuses_what_it_cannot_hold(settings):
    update = {"v": np.array([70000.0], np.float32)}
    with pytest.raises(PrivatuneError, match="too large for float16"):
        encode(update, {}, settings(name="half"), 0, 1)
    np.testing.assert_array_equal(received(update, settings(name="half", precision="bfloat16"))[0], 70144)
    with pytest.raises(PrivatuneError, match="too large for bfloat16"):
        encode({"v": np.array([3.4e38], np.float32)}, {}, settings(name="half", precision="bfloat16"), 0, 1)


def test_top_k_takes_the_largest_of_the_whole_model(settings, drawn):
    update = drawn(1)
    update["bias"] *= 10  # and with it most of the largest
    found, _ = received(update, settings(name="topk", share=0.1))
    np.testing.assert_array_equal(found, largest(flat(update), 7))
    assert np.count_nonzero(shaped(found, shapes_of(update))["bias"]) > 4


def test_random_k_is_unbiased(settings, drawn):
    update = drawn(2, VECTOR)
    chosen = settings(name="randomk", share=0.1)
    mean = np.mean([received(update, chosen, stream_key(0, "t", i))[0] for i in range(1000)], 0)
    # a value is sent 10-fold in one of 10 payloads: its deviation is three times its magnitude
    np.testing.assert_allclose(mean, flat(update), atol=5 * 3 / math.sqrt(1000) * np.abs(flat(update)).max())
    assert np.abs(mean - flat(update)).max() > 0


def test_random_k_with_error_feedback_is_not_scaled(settings, drawn):
    update = drawn(2, VECTOR)
    found, _ = received(update, settings(name="randomk", share=0.1, error_feedback=True))
    assert np.count_nonzero(found) == 6
    np.testing.assert_array_equal(found[found != 0], flat(update)[found != 0])


def test_threshold_sends_signs_beyond_tau(settings):
    update = {"v": np.array([0.5, -0.5, 0.51, -2.0, 0.0, 9.0], np.float32)}
    found, state = received(update, settings(name="threshold", tau=0.5))
    np.testing.assert_array_equal(found, [0, 0, 0.5, -0.5, 0, 0.5])
    np.testing.assert_allclose(state["residual"], [0.5, -0.5, 0.01, -1.5, 0, 8.5], atol=1e-6)


@pytest.mark.parametrize("clip", [1.0, 1e6])
def test_deep_gradient_compression_step_by_step(clip, settings, drawn):
    like, clients = {"v": (1000,)}, 4
    chosen = settings(name="dgc", share=0.002, momentum=0.7, clip=clip, warmup_steps=2)
    u, v, state = np.zeros(1000), np.zeros(1000), {}
    sent = [250, 250, 63, 63, 16, 16, 4, 4, 2, 2]
    for step, k in enumerate(sent):
        update = drawn(step, like)
        payload, state = encode(update, state, chosen, step, clients)
        (found,) = decode([payload], like, chosen)
        g = update["v"].astype(np.float64) / clients
        limit = clip / math.sqrt(clients)
        g *= min(1, limit / np.linalg.norm(g)) * clients
        u = 0.7 * u + g
        v = v + u
        expected = largest(v, k)
        np.testing.assert_allclose(found["v"], expected, rtol=1e-3, atol=1e-4 * np.abs(v).max())
        assert np.count_nonzero(found["v"]) == k
        u[expected != 0] = v[expected != 0] = 0
        np.testing.assert_allclose(state["u"], u, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(state["v"], v, rtol=1e-3, atol=1e-4)


def test_one_bit_has_two_means_a_tensor(settings, drawn):
    update = drawn(3)
    found = shaped(received(update, settings(name="onebit"))[0], shapes_of(update))
    for name, array in update.items():
        high = [value for value in array.flat if value >= 0]
        low = [value for value in array.flat if value < 0]
        means = [np.mean(part) if part else 0 for part in (high, low)]
        expected = [means[0] if value >= 0 else means[1] for value in array.flat]
        np.testing.assert_allclose(found[name].ravel(), expected, rtol=1e-5)


def test_ef_sign_scales_by_the_mean_magnitude(settings, drawn):
    update = drawn(3)
    found = shaped(received(update, settings(name="efsign"))[0], shapes_of(update))
    for name, array in update.items():
        scale = sum(abs(float(value)) for value in array.flat) / max(array.size, 1)
        np.testing.assert_allclose(found[name], np.where(array >= 0, scale, -scale), rtol=1e-6)


def test_the_majority_decides(settings, drawn):
    chosen = settings(name="signsgd", step=0.25)
    updates = [drawn(number) for number in range(5)]
    payloads = [encode(update, {}, chosen, 0, 5)[0] for update in updates]
    mean, _ = combine(payloads, shapes_of(updates[0]), {}, chosen, 5)
    votes = [np.sign(flat(update)) for update in updates]
    np.testing.assert_array_equal(flat(mean), 0.25 * np.sign(np.sum(votes, 0)))
    # what goes down is the vote, in as many bits
    down, _ = encode(mean, {}, chosen, 1, 1)
    assert len(down) == len(payloads[0])
    np.testing.assert_array_equal(flat(combine([down], shapes_of(mean), {}, chosen, 1)[0]), flat(mean))


def test_neither_ties_nor_zeros_have_a_direction(settings):
    chosen, like = settings(name="signsgd", step=1.0), {"v": (10_000,)}
    ones, zeros = np.ones(10_000, np.float32), np.zeros(10_000, np.float32)
    against = [encode({"v": sign * ones}, {}, chosen, 0, 2)[0] for sign in (1, -1)]
    undecided = [encode({"v": zeros}, {}, chosen, 0, 1)[0]]
    for payloads in (against, undecided):
        mean, _ = combine(payloads, like, {}, chosen, len(payloads))
        assert set(mean["v"]) == {-1.0, 1.0}
        assert abs(mean["v"].sum()) < 5 * 100


def test_terngrad_is_unbiased_but_for_its_clipping(settings, drawn):
    update = drawn(4, {"v": (60,), "w": (8, 5)})
    update["w"] *= 100  # a scale of its own
    for sigmas in (None, 1.0):
        chosen = settings(name="terngrad", clip_sigmas=sigmas)
        runs = np.array([received(update, chosen, stream_key(0, "t", i))[0] for i in range(1000)])
        limit = {name: sigmas * array.std() if sigmas else np.inf for name, array in update.items()}
        clipped = {name: array.clip(-limit[name], limit[name]) for name, array in update.items()}
        scales = flat({name: np.full_like(array, np.abs(array).max()) for name, array in clipped.items()})
        assert np.isclose(np.abs(runs), 0).__or__(np.isclose(np.abs(runs), scales)).all()
        # of a value between -s and s, drawn as 0 or s
        errors = np.abs(runs.mean(0) - flat(clipped)) / scales
        assert errors.max() < 5 * 0.5 / math.sqrt(1000)


@pytest.mark.parametrize("norm", ["l2", "max"])
@pytest.mark.parametrize("levels", [1, 4, 127])
def test_qsgd_is_unbiased_and_within_a_level(norm, levels, settings, drawn):
    update = drawn(5, VECTOR)
    chosen = settings(name="qsgd", levels=levels, bucket=16, norm=norm)
    runs = np.array([received(update, chosen, stream_key(0, "t", i))[0] for i in range(1000)])
    buckets = [flat(update)[start : start + 16].astype(np.float64) for start in range(0, 60, 16)]
    norms = np.concatenate(
        [np.full(len(b), np.sqrt((b**2).sum()) if norm == "l2" else np.abs(b).max()) for b in buckets]
    )
    level = norms / levels
    multiples = runs / level
    np.testing.assert_allclose(multiples, np.round(multiples), atol=1e-4)
    assert (np.abs(runs - flat(update)) < level * 1.0001).all()
    assert (np.abs(runs.mean(0) - flat(update)) / level).max() < 5 * 0.5 / math.sqrt(1000)


def test_powersgd_projects_on_what_its_q_spans(settings, drawn):
    like = {"m": (12, 9), "b": (5,)}
    update, chosen = drawn(6, like), settings(name="powersgd", rank=2, error_feedback=False)
    _, state = received(update, chosen)
    other = drawn(7, like)
    found = shaped(received(other, chosen, 1, state)[0], like)
    m, spanned = other["m"].astype(np.float64), other["m"] @ state["Q of m"].T.astype(np.float64)
    projected = spanned @ np.linalg.lstsq(spanned, m, rcond=None)[0]
    np.testing.assert_allclose(found["m"], projected, atol=1e-4)
    np.testing.assert_array_equal(found["b"], other["b"])


def test_powersgd_keeps_a_matrix_of_its_rank(settings, drawn):
    parts = drawn(8, {"p": (12, 2), "q": (9, 2)})
    update = {"m": parts["p"] @ parts["q"].T}
    np.testing.assert_allclose(
        received(update, settings(name="powersgd", rank=2))[0], flat(update), rtol=1e-4, atol=1e-5
    )


def test_powersgd_finds_the_best_approximation_by_going_on_from_its_q(settings, drawn):
    like = {"m": (12, 9)}
    update, chosen, state = drawn(9, like), settings(name="powersgd", rank=2, error_feedback=False), {}
    for step in range(60):
        found, state = received(update, chosen, step, state)
    left, values, right = np.linalg.svd(update["m"].astype(np.float64))
    best = left[:, :2] * values[:2] @ right[:2]
    np.testing.assert_allclose(found.reshape(12, 9), best, atol=1e-3)


def test_powersgd_recovers_from_a_step_of_zeros(settings, drawn):
    update, chosen = drawn(9, {"m": (12, 9)}), settings(name="powersgd", rank=2)
    _, state = received({"m": np.zeros((12, 9), np.float32)}, chosen)
    found, _ = received(update, chosen, 1, state)
    assert np.linalg.matrix_rank(found.reshape(12, 9)) == 2
    np.testing.assert_array_equal(found, received(update, chosen, 1)[0], err_msg="it begins anew")


def test_ef21_moves_both_sides_alike(settings, drawn):
    like, chosen = {"a": (5, 4), "b": (7,)}, settings(name="ef21", share=0.2)
    estimates, states, server = [np.zeros(27)] * 3, [{}] * 3, {}
    for step in range(10):
        payloads = []
        for client in range(3):
            update = drawn(100 * client + step, like)
            payload, states[client] = encode(update, states[client], chosen, 0, 3)
            payloads.append(payload)
            change = largest(flat(update) - estimates[client].astype(np.float32), 6)
            estimates[client] = estimates[client] + change
        mean, server = combine(payloads, like, server, chosen, 3)
        np.testing.assert_allclose(flat(mean), np.mean(estimates, 0), atol=1e-5)


def test_ef21_reaches_an_update_that_stays(settings, drawn):
    update, chosen, state, server = drawn(0), settings(name="ef21", share=0.1), {}, {}
    for _ in range(12):
        payload, state = encode(update, state, chosen, 0, 1)
        mean, server = combine([payload], shapes_of(update), server, chosen, 1)
    np.testing.assert_allclose(flat(mean), flat(update), atol=1e-6)
