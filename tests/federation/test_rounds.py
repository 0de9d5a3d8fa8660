"""Clients and aggregation together, on a small model."""

import numpy as np
import pytest
from pydantic import ValidationError

from privatune.compression import wire
from privatune.compression.codec import decode, encode
from privatune.compression.settings import DenseSettings
from privatune.core import tensors
from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.core.tensors import pack
from privatune.core.vectors import shapes_of
from privatune.federation.aggregation import aggregate
from privatune.federation.client import fine_tune
from privatune.federation.clients import run_clients
from privatune.federation.costs import client_cost
from privatune.federation.rounds import run_rounds
from privatune.federation.server import Server
from privatune.federation.servers.average import next_model
from privatune.federation.settings import AverageSettings, DistillSettings, ScenarioSettings
from privatune.models.arrays import Model
from privatune.models.network import initial_weights
from privatune.models.settings import LstmSettings, NumericsSettings
from privatune.models.sizes import products
from privatune.text.settings import EOS
from privatune.text.streams import Stream

WORDS = 50
ONE_THREAD = NumericsSettings()


def text(units, words, seed):
    ids = stream(seed, "text").integers(EOS, WORDS, units * words).astype(np.uint16)
    offsets = np.arange(units + 1) * words
    return Stream(ids, np.ones(len(ids), np.uint8), offsets, [f"p{n:04d}" for n in range(units)])


PRIVATE, GENERAL = text(7, 120, 1), text(3, 400, 2)
WEIGHTS = {n: w.numpy() for n, w in initial_weights(LstmSettings(hidden=8), WORDS, stream(0, "w")).items()}
MODEL = Model(WEIGHTS, {"of": "test"}, len(pack(WEIGHTS, {"of": "test"})))


def scenario(size=4, codec="dense", **client):
    client = {"minibatch": 4, "bptt": 5, **client}
    return ScenarioSettings(client=client, cohort={"size": size, "rounds": 2}, codec={"name": codec})


def one_round(settings, places=None, number=1, private=PRIVATE):
    return list(run_clients(MODEL, private, GENERAL, settings, ONE_THREAD, (0, number), places or range(4)))


@pytest.mark.parametrize(
    ("objective", "codec"),
    [("plain", "dense"), ("rehearsal", "dense"), ("lwf", "dense"), ("plain", "qsgd"), ("plain", "powersgd")],
)
def test_jobs_of_one_client_and_of_four_give_the_same_bytes(objective, codec):
    settings = scenario(objective=objective, codec=codec)
    together = one_round(settings)
    apart = [visit for place in range(4) for visit in one_round(settings, [place])]
    assert [v[0] for v in together] == [v[0] for v in apart]
    assert [v[1] for v in together] == [v[1] for v in apart]


def test_lwf_with_all_weight_on_the_text_is_plain():
    lwf, plain = one_round(scenario(objective="lwf", user_share=1.0)), one_round(scenario(objective="plain"))
    assert [payload for payload, _ in lwf] == [payload for payload, _ in plain]


def test_objectives_seeds_and_rounds_change_the_updates():
    base = one_round(scenario(objective="plain"))
    for other in (scenario(objective="lwf"), scenario(objective="rehearsal"), scenario(objective="plain", epochs=2)):
        assert one_round(other)[0][0] != base[0][0]


def test_records_count_what_was_sent():
    settings = scenario(objective="rehearsal")
    for payload, record in one_round(settings):
        assert record["bits_up"] == 8 * len(payload)
        words = pack({"words": np.zeros(120, np.uint16)})
        assert record["bits_down"] == 8 * (len(pack(MODEL.arrays, MODEL.about)) + len(words))
        assert record["user_tokens"] == record["rehearsal_tokens"] == 120
        assert record["steps"] == 60 // 5, "of four rows of 60 targets"
    (_, plain), *_ = one_round(scenario(objective="plain"))
    assert plain["bits_down"] == 8 * len(pack(MODEL.arrays, MODEL.about))
    assert plain["rehearsal_tokens"] == 0


def test_the_average_is_the_mean_of_the_models():
    settings = scenario(objective="plain")
    payloads = [payload for payload, _ in one_round(settings)]
    before = MODEL.arrays
    after, about, length = aggregate(MODEL, payloads, settings, ONE_THREAD, (0, 1))
    assert about == MODEL.about and length == len(pack(after, about))
    updates = list(decode(payloads, shapes_of(before), settings.codec))
    for name, weight in after.items():
        models = [before[name] + update[name] for update in updates]
        np.testing.assert_allclose(weight, np.mean(models, axis=0), rtol=1e-5, atol=1e-7)


def test_a_codec_is_used_both_ways():
    """Signs are short, and move every weight by one step, mostly to where the dense codec moves it."""
    dense, signs = scenario(objective="plain"), scenario(objective="plain", codec="signsgd")
    before, after = MODEL.arrays, {}
    for settings in (dense, signs):
        visits = one_round(settings)
        assert all(record["bits_up"] == 8 * len(payload) for payload, record in visits)
        payloads = [payload for payload, _ in visits]
        after[settings.codec.name] = aggregate(MODEL, payloads, settings, ONE_THREAD, (0, 1)).arrays, payloads
    assert len(after["signsgd"][1][0]) < len(after["dense"][1][0]) / 15
    for name, weight in before.items():
        moved = after["signsgd"][0][name] - weight
        np.testing.assert_allclose(np.abs(moved), signs.codec.step, rtol=1e-3)
        wanted = after["dense"][0][name] - weight
        assert np.mean(moved[wanted != 0] * wanted[wanted != 0] > 0) > 0.6


def test_a_server_that_distills_must_see_single_updates():
    for codec in ("signsgd", "ef21"):
        with pytest.raises(
            ValidationError, match=f"codec.name: {codec} does not let the server see each client's update"
        ):
            ScenarioSettings(codec={"name": codec}, server={"method": "distill"})
        ScenarioSettings(codec={"name": codec})


def test_one_device_and_a_zero_update_work():
    settings = scenario(size=1, objective="plain")
    payload, _ = encode({name: np.zeros_like(array) for name, array in WEIGHTS.items()}, {}, settings.codec, 0, 1)
    after = aggregate(MODEL, [payload], settings, ONE_THREAD, (0, 1))
    assert pack(after.arrays, after.about) == pack(MODEL.arrays, MODEL.about)


@pytest.mark.parametrize("server", [AverageSettings(), DistillSettings(tokens=60, minibatch=4)])
def test_rounds_share_one_model_without_packing_or_changing_it(monkeypatch, server):
    """Its checksum was verified when its file was read: a client's cost must not grow with the model's bytes."""
    before = {name: weight.copy() for name, weight in MODEL.arrays.items()}
    settings = scenario(objective="lwf").model_copy(update={"server": server})
    monkeypatch.setattr(tensors, "_checksum", lambda *_: pytest.fail("a checksum inside the process"))
    made = list(run_rounds(MODEL, PRIVATE, GENERAL, settings, ONE_THREAD, 0, [1, 2]))
    monkeypatch.undo()
    assert [model.length for _, model, _ in made] == [len(pack(model.arrays, model.about)) for _, model, _ in made]
    for name, weight in before.items():
        np.testing.assert_array_equal(MODEL.arrays[name], weight)
        assert not np.array_equal(made[0][1].arrays[name], weight)


def test_an_update_that_is_not_finite_is_refused():
    like, values = {"a": (2,)}, np.array([0, np.nan], "<f4")
    payload = wire.write("dense", like, [values])
    with pytest.raises(PrivatuneError, match=r"payload 0: it holds NaN or infinity"):
        next_model({"a": np.zeros(2, np.float32)}, [payload], Server(1, None, ONE_THREAD, 0, 1, DenseSettings()))


def test_a_damaged_payload_is_refused():
    settings = scenario(size=1, objective="plain")
    (payload, _), *_ = one_round(settings, [0])
    with pytest.raises(PrivatuneError, match="payload 0"):
        aggregate(MODEL, [payload[:-1]], settings, ONE_THREAD, (0, 1))


def test_the_cost_of_a_client_is_that_clients():
    settings = scenario(size=2, objective="rehearsal")
    costs = [client_cost(MODEL, PRIVATE, GENERAL, settings, ONE_THREAD, 0, n) for n in range(3)]
    assert len({cost["client"] for cost in costs}) == 3
    assert all(cost["tokens"] == 240 and cost["seconds"] > 0 and cost["peak_memory_mb"] > 10 for cost in costs)
    for cost in costs:
        place = PRIVATE.units.index(cost["client"])
        letters = PRIVATE.lengths[PRIVATE.offsets[place] : PRIVATE.offsets[place + 1]].sum()
        assert cost["user_kb"] == pytest.approx((letters + cost["user_tokens"]) / 1e3)
        assert cost["rehearsal_kb"] == pytest.approx(cost["rehearsal_tokens"] * (GENERAL.lengths.mean() + 1) / 1e3)


def test_a_device_holds_the_text_of_several_persons():
    settings = ScenarioSettings(
        client={"minibatch": 4, "bptt": 5, "objective": "rehearsal"},
        cohort={"size": 2, "rounds": 2, "persons_per_device": 3},
    )
    visits = one_round(settings, range(2))
    names = [record["client"].split("+") for _, record in visits]
    assert [len(persons) for persons in names] == [3, 3] and len({*names[0], *names[1]}) == 6
    for (payload, record), persons in zip(visits, names, strict=True):
        places = [PRIVATE.units.index(name) for name in persons]
        pooled = np.concatenate([PRIVATE.unit(place) for place in places])
        update = fine_tune(WEIGHTS, pooled, GENERAL.ids, settings.client, ONE_THREAD, (0, 1, places[0])).update
        (sent,) = decode([payload], shapes_of(WEIGHTS), settings.codec)
        for name, weight in update.items():
            np.testing.assert_array_equal(sent[name], weight)
        assert record["user_tokens"] == record["rehearsal_tokens"] == 360
    cost = client_cost(MODEL, PRIVATE, GENERAL, settings, ONE_THREAD, 0, 1)
    letters = sum(PRIVATE.lengths[PRIVATE.offsets[PRIVATE.units.index(name)] :][:120].sum() for name in names[1])
    assert cost["user_kb"] == pytest.approx((letters + 360) / 1e3)
    assert cost["products_per_word"] == products(LstmSettings(hidden=8), WORDS)


def test_devices_without_enough_persons_are_refused():
    for cohort, key in (({"size": 8}, "size"), ({"size": 2, "persons_per_device": 4}, r"size \* persons_per_device")):
        with pytest.raises(PrivatuneError, match=rf"^federation\.cohort\.{key}: a round needs 8 persons, but only 7"):
            one_round(ScenarioSettings(cohort=cohort), [0])


def test_a_control_reads_no_text_of_its_own():
    settings = scenario(size=2, objective="rehearsal", user_share=0.0)
    cost = client_cost(MODEL, PRIVATE, GENERAL, settings, ONE_THREAD, 0, 0)
    assert cost["user_kb"] == 0 and cost["rehearsal_kb"] > 0


@pytest.mark.parametrize("objective", ["plain", "rehearsal", "lwf"])
def test_a_person_with_less_text_than_a_minibatch_trains_on_all_of_it(objective):
    # 30 persons of 48 words, with the end of a line, and batches of 50, once trained no step and counted in the mean
    settings = scenario(objective=objective, minibatch=50, bptt=10)
    for payload, record in one_round(settings, private=text(30, 49, 7)):
        assert record["steps"] > 0 and record["user_tokens"] == 49
        assert any(
            np.any(change) for change in next(decode([payload], shapes_of(MODEL.arrays), settings.codec)).values()
        )
