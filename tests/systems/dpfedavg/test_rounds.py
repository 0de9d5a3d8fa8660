"""DP-FedAvg against plain rounds written out, and what must not depend on what."""

import numpy as np
import pytest
import torch

from privatune.attacks.canaries import draw_canaries
from privatune.core.errors import PrivatuneError
from privatune.core.files import sha256
from privatune.core.machine import machine
from privatune.core.streams import stream
from privatune.federation.client import fine_tune
from privatune.federation.cohorts import carriers_drawn, fixed_cohort
from privatune.federation.settings import AdamSettings, ClientSettings, SgdSettings
from privatune.models.lstm import initial_weights
from privatune.models.settings import LstmSettings, NumericsSettings
from privatune.privacy.accounting import guarantee, mechanism_of
from privatune.privacy.releases import made_with, release_name, release_seed, released
from privatune.privacy.settings import AdaptiveClipSettings, PrivacySettings
from privatune.systems.dpfedavg import run as dp_run
from privatune.systems.dpfedavg.job_settings import CanarySettings, DpJobSettings
from privatune.systems.dpfedavg.memorization import memorized
from privatune.systems.dpfedavg.population import joined, population, visits
from privatune.systems.dpfedavg.rounds import (
    State,
    close_round,
    drawn,
    fine_tuning,
    load_state,
    load_sum,
    run_shard,
    save_state,
    save_sum,
    train_with_dp,
)
from privatune.systems.dpfedavg.run import DpRun, made_from, next_state, shard_sum, train
from privatune.text.streams import Stream

WORDS, PERSONS, EACH = 40, 6, 60
CLIENT = ClientSettings(objective="plain", minibatch=2, bptt=5)


def texts(count, each, name):
    ids = stream(0, name).integers(2, WORDS, count * each).astype(np.uint16)
    ids[9::10] = 1  # ends of lines
    return Stream(ids, np.ones(len(ids), np.uint8), np.arange(count + 1) * each, [f"{name}{i}" for i in range(count)])


@pytest.fixture(scope="module")
def start():
    weights = initial_weights(LstmSettings(layers=1, hidden=8), WORDS, stream(0, "weights"))
    return {name: weight.numpy() for name, weight in weights.items()}


def trained_model(start, privacy, seed=1, secret=2, persons=None, rounds=2):
    private = persons or texts(PERSONS, EACH, "private")
    mechanism = mechanism_of(privacy, len(private.units), 3, rounds)
    contribution = fine_tuning(private, np.arange(5), CLIENT, NumericsSettings(), seed)
    return train_with_dp(State(start, {}, privacy.clip), contribution, mechanism, SgdSettings(), secret, seed).weights


def test_without_clip_and_noise_it_is_federated_averaging(start):
    found = trained_model(start, PrivacySettings(clip=1e6, noise_multiplier=0, sampling="fixed"))
    private, weights = texts(PERSONS, EACH, "private"), dict(start)
    for number in (1, 2):
        total = {name: np.zeros(weight.shape) for name, weight in weights.items()}
        for person in fixed_cohort(PERSONS, 3, number, 2):
            user = np.asarray(private.unit(person))
            visit = fine_tune(weights, user, np.arange(5), CLIENT, NumericsSettings(), (1, number, person))
            for name, change in visit.update.items():
                total[name] += change
        weights = {name: (weight + total[name] / 3).astype(np.float32) for name, weight in weights.items()}
    for name, weight in weights.items():
        np.testing.assert_allclose(found[name], weight, rtol=1e-5, atol=1e-7)


def test_a_clip_bounds_how_far_a_round_moves_the_model(start):
    found = trained_model(start, PrivacySettings(clip=0.01, noise_multiplier=0, sampling="fixed"), rounds=1)
    moved = np.sqrt(sum(float(((found[name] - start[name]).astype(np.float64) ** 2).sum()) for name in start))
    assert 0.001 < moved <= 0.01 * (1 + 1e-3)


def test_noise_has_the_size_that_the_mechanism_states_and_follows_the_secret(start):
    quiet = PrivacySettings(clip=1e-9, noise_multiplier=0, sampling="fixed")
    noisy = PrivacySettings(clip=0.5, noise_multiplier=2, sampling="fixed")
    # one round: what the clip lets through is far smaller than the noise z S / M
    still, found, again, other = (
        trained_model(start, quiet, rounds=1),
        trained_model(start, noisy, rounds=1),
        trained_model(start, noisy, rounds=1),
        trained_model(start, noisy, rounds=1, secret=3),
    )
    noise = np.concatenate([(found[name] - still[name]).ravel() for name in start])
    assert noise.std() == pytest.approx(2 * 0.5 / 3, rel=0.15)
    assert all(np.array_equal(found[name], again[name]) for name in start)
    assert not any(np.array_equal(found[name], other[name]) for name in start if name != "output.bias")


@pytest.mark.parametrize("sampling", ["poisson", "fixed"])
def test_slots_in_files_give_the_bits_of_one_process(start, tmp_path, sampling):
    privacy = PrivacySettings(clip=0.3, noise_multiplier=0.5, sampling=sampling, adaptive=AdaptiveClipSettings())
    mechanism = mechanism_of(privacy, PERSONS, 4, 3, carriers=2, participation=0.5)
    contribution = fine_tuning(texts(PERSONS + 2, EACH, "private"), np.arange(5), CLIENT, NumericsSettings(), 1)
    optimiser = AdamSettings(name="adam")
    whole = train_with_dp(State(start, {}, 0.3), contribution, mechanism, optimiser, 2, 1)
    state = State(start, {}, 0.3)
    for number in (1, 2, 3):
        for shard in range(3):
            save_sum(tmp_path / str(shard), run_shard(state, contribution, mechanism, number, 2, 1, shard, 3))
            assert (tmp_path / str(shard)).stat().st_mode & 0o777 == 0o600
        sums = [load_sum(tmp_path / str(shard)) for shard in (2, 0, 1)]
        save_state(tmp_path / "state", close_round(state, sums, mechanism, optimiser, number, 2, 1))
        state = load_state(tmp_path / "state")
    assert state.clip == whole.clip != 0.3
    for found, expected in ((state.weights, whole.weights), (state.memory, whole.memory)):
        assert set(found) == set(expected) != set()
        assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_a_person_who_fits_no_shard_stops_the_round(start):
    mechanism = mechanism_of(PrivacySettings(noise_multiplier=1, sampling="fixed"), PERSONS, 4, 3)
    contribution = fine_tuning(texts(PERSONS, EACH, "private"), np.arange(5), CLIENT, NumericsSettings(), 1)
    state = State(start, {}, 0.8)
    sums = [run_shard(state, contribution, mechanism, 1, 2, 1, shard, 3) for shard in (0, 2)]
    with pytest.raises(PrivatuneError, match="3 updates from a cohort of 4"):
        close_round(state, sums, mechanism, SgdSettings(), 1, 2, 1)


def test_joined_texts_keep_their_units():
    first, second = texts(2, 30, "a"), texts(3, 20, "b")
    both = joined([first, second])
    assert list(both.units) == ["a0", "a1", "b0", "b1", "b2"]
    for place, unit in enumerate([first.unit(0), first.unit(1), *(second.unit(i) for i in range(3))]):
        np.testing.assert_array_equal(both.unit(place), unit)
    assert len(both.lengths) == len(both.ids)


def test_carriers_join_the_population_and_each_canary_is_measured(start):
    words = ["<unk>", "<eos>", ".", *(f"w{i}" for i in range(WORDS - 3))]
    general = texts(1, 600, "general")
    general.ids[4::10] = 2
    canaries = CanarySettings(users=[1, 2], copies=[2], per_cell=2, sentences=4, references=50)
    private = texts(PERSONS, EACH, "private")
    everyone = population(private, general, words, canaries, 5)
    assert len(everyone.units) == PERSONS + 2 * (1 + 2)
    assert population(private, general, words, None, 5) is private
    weights = {n: torch.from_numpy(w) for n, w in start.items()}
    rows = memorized(weights, canaries, 3, 5)
    assert [(row["n_users"], row["n_copies"], row["canary"]) for row in rows] == [
        (1, 2, 0),
        (1, 2, 1),
        (2, 2, 0),
        (2, 2, 1),
    ]
    assert all(row["low"] <= row["high"] and 1 <= row["rank"] <= 51 for row in rows)
    assert sum(row["visits"] for row in rows) == sum(len(carriers_drawn(6, 0.5, number, 5)) for number in (1, 2, 3)) > 0
    assert [row["visits"] for row in memorized(weights, canaries, 0, 5)] == [0] * 4, "nobody carried them"


def test_visits_are_counted_for_the_canary_that_a_carrier_holds():
    planted = draw_canaries(WORDS, [1, 3], [2], 2, 0)
    counted = np.zeros(4, int)
    for number in range(1, 6):
        for carrier in carriers_drawn(8, 0.3, number, 7):
            counted[[0, 1, 2, 2, 2, 3, 3, 3][carrier]] += 1
    assert visits(planted, 0.3, 5, 7).tolist() == counted.tolist()
    assert visits(planted, 1.0, 5, 7).tolist() == [5, 5, 15, 15]


@pytest.mark.parametrize("sampling", ["poisson", "fixed"])
def test_carriers_come_beside_the_persons_and_no_epsilon_depends_on_them(sampling):
    privacy = PrivacySettings(noise_multiplier=8.0, sampling=sampling)
    alone = mechanism_of(privacy, 200, 8, 5)
    joined_by = mechanism_of(privacy, 200, 8, 5, carriers=40, participation=0.5)
    came = set()
    for number in range(1, 6):
        cohort = drawn(joined_by, number, 3, 1)
        assert [person for person in cohort if person < 200] == drawn(alone, number, 3, 1), "the cohort is the same"
        came.add(tuple(person for person in cohort if person >= 200))
        assert came.issubset({tuple(200 + n for n in carriers_drawn(40, 0.5, n, 1)) for n in range(1, 6)})
    assert len(came) == 5
    assert guarantee(joined_by).record() == guarantee(alone).record()
    assert joined_by.expected == 28, "what the noisy sum is divided by is public"


SETTINGS = DpJobSettings(
    canaries=None,
    client=CLIENT,
    numerics=NumericsSettings(),
    optimiser=SgdSettings(),
    secrets="a",
    shards=1,
    vocabulary=WORDS,
)


def name_of(privacy=None, private="private", general="general", seed=1, client=None, **changes):
    """The name of a release in which something is changed."""
    mechanism = mechanism_of(PrivacySettings(**{"noise_multiplier": 1.0, "clip": 0.5} | (privacy or {})), PERSONS, 3, 2)
    settings = SETTINGS.model_copy(update=changes | {"client": CLIENT.model_copy(update=client or {})})
    everyone, public = texts(PERSONS, EACH, private), texts(2, EACH, general)
    return release_name(made_from(everyone, public, mechanism, settings, seed))


def test_what_no_sum_follows_from_leaves_a_release_its_seed():
    unused = [
        {"privacy": {"delta": 1e-3}},
        {"privacy": {"accountant": "pld"}},
        {"secrets": "b", "shards": 4},
        {"numerics": NumericsSettings(threads=2)},  # it is recorded beside the name, and another one is refused
        {"client": {"user_share": 0.9, "control_share": 0.9}},
        {"general": "other"},
        {"vocabulary": WORDS + 1},
    ]
    assert {name_of(**changes) for changes in unused} == {name_of()}
    mixed = {"objective": "rehearsal"}
    assert name_of(client=mixed) == name_of(client=mixed | {"control_share": 0.9})


def test_code_machine_and_how_it_computes_are_recorded():
    numerics = NumericsSettings(threads=2)
    found = made_with([dp_run.__file__], numerics)
    assert found == {
        "systems/dpfedavg/run.py": sha256(dp_run.__file__),
        "accelerator": "cpu",
        "precision": "float32",
        "threads": "2",
        **machine("cpu"),
    }


def test_whatever_changes_the_sums_gets_noise_of_its_own():
    """The same noise on other sums would fall out of the difference of both."""
    mixed = {"objective": "rehearsal"}
    changes = [
        {},
        {"privacy": {"noise_multiplier": 2.0}},
        {"privacy": {"clip": 1.0}},
        {"privacy": {"sampling": "fixed"}},
        {"seed": 2},
        {"client": {"bptt": 6}},
        {"private": "other"},
        {"optimiser": AdamSettings(name="adam")},
        {"client": mixed},
        {"client": mixed, "general": "other"},
        {"client": mixed, "private": "general", "general": "private"},
        {"client": mixed | {"user_share": 0.9}},
        {"client": mixed | {"user_share": 0}},
        {"client": mixed | {"user_share": 0, "control_share": 0.9}},
        {"client": {"objective": "lwf"}},
        {"client": {"objective": "lwf", "user_share": 0.9}},
    ]
    assert len({name_of(**change) for change in changes}) == len(changes)


def test_a_finished_release_is_handed_on_and_never_computed_again(start, tmp_path):
    def nobody(model, number, person):
        raise AssertionError("no person is asked again")

    mechanism = mechanism_of(PrivacySettings(noise_multiplier=1.0), PERSONS, 3, 2)
    contribution = fine_tuning(texts(PERSONS, EACH, "private"), np.arange(5), CLIENT, NumericsSettings(), 1)
    state = State(start, {}, mechanism.clip)
    secret = release_seed(tmp_path / "release", {}, {})
    first = train(DpRun(state, contribution, mechanism, secret, 1, tmp_path / "release"), SgdSettings())
    again = DpRun(state, nobody, mechanism, 0, 1, tmp_path / "release", released(tmp_path / "release", {}))
    assert arrays_equal(train(again, SgdSettings()), first)
    for number in (1, 2):
        part = shard_sum(again, state, number, 0, 2)
        assert part.persons == 0
        state = next_state(again, state, [part], SgdSettings(), number)
    assert arrays_equal(state.weights, first)


def test_slots_keep_the_same_release(start, tmp_path):
    mechanism = mechanism_of(PrivacySettings(noise_multiplier=1.0), PERSONS, 3, 2)
    contribution = fine_tuning(texts(PERSONS, EACH, "private"), np.arange(5), CLIENT, NumericsSettings(), 1)
    state = State(start, {}, mechanism.clip)
    run = DpRun(state, contribution, mechanism, release_seed(tmp_path / "shards", {}, {}), 1, tmp_path / "shards")
    for number in (1, 2):
        assert released(tmp_path / "shards", {}) is None
        sums = [shard_sum(run, state, number, shard, 2) for shard in (0, 1)]
        state = next_state(run, state, sums, SgdSettings(), number)
    assert arrays_equal(state.weights, released(tmp_path / "shards", {}))
    assert arrays_equal(state.weights, train(run._replace(folder=tmp_path / "one"), SgdSettings()))


def arrays_equal(found, expected):
    return found.keys() == expected.keys() and all(np.array_equal(found[name], expected[name]) for name in expected)
