"""One epsilon for several phases, and the ledger of those that were paid: never twice, and never not at all."""

import math
import signal
import time
from contextlib import suppress
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json
from privatune.privacy import budget
from privatune.privacy.accounting import epsilon, noise_for
from privatune.privacy.budget import ledger_rows, paid_noise, solved, spend, spent
from privatune.privacy.mechanism import Mechanism

# Everyone takes part in every step, so that a phase is exactly the Gaussian mechanism of its limit, and fast to account
# for. Its epsilon follows from mu^2 = sum_i T_i / z_i^2 (Balle and Wang 2018, theorem 8).
WHOLE = Mechanism("poisson", 1000, 1000, 3, 0.0, 1.0, 1e-4, unit="example")
PAID = replace(WHOLE, noise_multiplier=10.0)
SAMPLED = Mechanism("poisson", 4685, 468, 20, 0.0, 1.0, 0.1 / 4685, unit="example")  # q = 0.1, of the size of TREC


def gaussian_mu(target, delta):
    """The largest mean over deviation of a Gaussian whose epsilon at `delta` is at most `target`."""

    def excess(mu):
        return norm.cdf(mu / 2 - target / mu) - math.exp(target) * norm.cdf(-mu / 2 - target / mu) - delta

    return brentq(excess, 1e-3, 50)


def cost(phase):
    """What a phase adds in the Gaussian limit."""
    return phase.rounds * phase.q**2 / phase.noise_multiplier**2


plans = st.lists(st.tuples(st.integers(1, 50), st.floats(0.05, 20)), min_size=1, max_size=3)


@given(plans, st.floats(0.3, 1.5))
@settings(max_examples=1 + settings().max_examples // 30)
def test_phases_of_everyone_share_the_gaussian_that_they_are(plan, target):
    shares = [share for _, share in plan]
    phases = solved([replace(WHOLE, rounds=steps) for steps, _ in plan], shares, target)
    assert 0.999 * target < epsilon(phases, "pld") <= target
    assert sum(map(cost, phases)) == pytest.approx(gaussian_mu(target, 1e-4) ** 2, rel=1e-3)
    np.testing.assert_allclose(
        np.array(list(map(cost, phases))) * sum(shares), np.array(shares) * sum(map(cost, phases))
    )
    assert epsilon(phases[::-1], "pld") == pytest.approx(epsilon(phases, "pld"), rel=1e-9), "in any order"


@given(st.floats(1, 20), st.floats(1.5, 10), st.sampled_from([None, "replace one"]))
@settings(max_examples=1 + settings().max_examples // 100)
def test_more_share_less_noise(share, factor, adjacency):
    phases = [replace(WHOLE, adjacency=adjacency)] * 2
    less, more = solved(phases, [share, 5], 0.3), solved(phases, [share * factor, 5], 0.3)
    assert more[0].noise_multiplier < less[0].noise_multiplier
    assert more[1].noise_multiplier > less[1].noise_multiplier
    both = [phase.noise_multiplier for phase in solved(phases[::-1], [5, share], 0.3)]
    assert both == pytest.approx([less[1].noise_multiplier, less[0].noise_multiplier], abs=2e-5), "in any order"


@pytest.mark.parametrize("adjacency", [None, "replace one"])
def test_replacing_one_takes_twice_the_noise(adjacency):
    twice = 2 if adjacency else 1
    for phase in solved([replace(WHOLE, adjacency=adjacency)] * 2, [1, 1], 0.3):
        assert phase.noise_multiplier == pytest.approx(twice * math.sqrt(6) / gaussian_mu(0.3, 1e-4), rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("adjacency", "z"), [(None, 2.561488), ("replace one", 4.493882)])
def test_two_equal_phases_are_one_of_twice_the_steps(adjacency, z):
    """The multiplier of 40 steps at once; `noise_for` found it before there were phases."""
    phase = replace(SAMPLED, adjacency=adjacency)
    once = noise_for(replace(phase, rounds=40), 1.0, "pld")
    assert once == pytest.approx(z, abs=2e-6)
    assert [p.noise_multiplier for p in solved([phase, phase], [0.5, 0.5], 1.0)] == pytest.approx([once] * 2, abs=2e-6)
    assert [p.noise_multiplier for p in solved([replace(phase, rounds=40)], [0.3], 1.0)] == [once]


@pytest.mark.slow
def test_three_unlike_phases_come_to_one_epsilon():
    phases = [SAMPLED, replace(SAMPLED, cohort=100, rounds=50), replace(SAMPLED, cohort=1500, rounds=4)]
    found = solved(phases, [2, 3, 5], 1.0)
    assert 0.999 < epsilon(found, "pld") <= 1.0
    assert epsilon(found[::-1], "pld") == pytest.approx(epsilon(found, "pld"), rel=1e-7), "in any order"
    costs = np.array(list(map(cost, found)))
    np.testing.assert_allclose(costs / costs.sum(), [0.2, 0.3, 0.5])
    rows = ledger_rows(dict(zip("abc", found, strict=True)), [2, 3, 5])
    assert rows[-1]["epsilon_so_far"] < rows[-1]["epsilon_sum"], "which is why events are composed, not epsilons"


@pytest.mark.parametrize("share", [0, -1, math.nan, math.inf])
def test_a_phase_without_a_share_is_refused(share):
    with pytest.raises(PrivatuneError, match=r"share: .* pays for no step; take a share above 0"):
        solved([WHOLE, WHOLE], [1, share], 2.0)


def test_phases_without_a_common_epsilon_are_refused():
    with pytest.raises(PrivatuneError, match="the same unit, sampling, adjacency and delta"):
        solved([WHOLE, replace(WHOLE, delta=1e-5)], [1, 1], 2.0)
    with pytest.raises(
        PrivatuneError, match=r"9e\+06, in 3 rounds of 1000 and 2 rounds of 1000 of 1000 examples, would"
    ):
        solved([WHOLE, replace(WHOLE, rounds=2)], [1, 1], 9e6)


@pytest.fixture(scope="module")
def pair():
    """Two phases that together come to an epsilon of 1."""
    return solved([WHOLE, replace(WHOLE, rounds=5)], [1, 2], 1.0)


def test_phases_are_paid_for_in_turn(tmp_path, pair):
    ledger = tmp_path / "secrets/model/budget.json"
    assert spent(ledger) == {}
    first, both = spend(ledger, 1.0, "teacher", pair[0]), spend(ledger, 1.0, "student", pair[1])
    assert first == epsilon(pair[:1], "pld") < both == epsilon(pair, "pld") <= 1
    assert spent(ledger) == {"teacher": pair[0], "student": pair[1]}
    assert list(spent(ledger)) == ["teacher", "student"]
    assert ledger.stat().st_mode & 0o777 == 0o600
    assert ledger.parent.stat().st_mode & 0o777 == 0o700
    kept = read_json(ledger)
    assert kept["target"] == 1
    assert [entry["epsilon_so_far"] for entry in kept["phases"]] == [first, both]
    assert all(entry["paid"].endswith("+00:00") for entry in kept["phases"])


def test_what_was_paid_is_not_paid_again(tmp_path, pair):
    """A kill between entry and first step, in a phase, and after it: the job runs again from the beginning."""
    ledger = tmp_path / "budget.json"
    first = spend(ledger, 1.0, "teacher", pair[0])
    noise = paid_noise(ledger, "teacher", 7)(1).standard_normal(3)
    before = ledger.read_bytes()
    for steps in (0, 2, pair[0].rounds):
        assert spend(ledger, 1.0, "teacher", pair[0]) == first
        again = paid_noise(ledger, "teacher", 7)
        drawn = [again(step).standard_normal(3) for step in range(1, steps + 1)]
        assert not drawn or drawn[0].tolist() == noise.tolist(), "the same noise, or it would be a second release"
        assert ledger.read_bytes() == before
    spend(ledger, 1.0, "student", pair[1])
    before = ledger.read_bytes()
    assert spend(ledger, 1.0, "teacher", pair[0]) == first, "also when a later phase was begun"
    assert ledger.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"phase": "more", "mechanism": replace(PAID, noise_multiplier=3.0)},
            r"more would take epsilon to .* at delta 0\.0001, above the budget of 1; give",
        ),
        ({"mechanism": replace(PAID, noise_multiplier=50.0)}, "teacher was paid for with another mechanism; set its"),
        ({"mechanism": replace(PAID, clip=2.0)}, "teacher was paid for with another mechanism"),
        ({"target": 8.0, "phase": "more"}, "target epsilon of 1, and here it is 8; set the target back to 1"),
        ({"phase": "more", "mechanism": replace(PAID, delta=1e-5)}, "more cannot be paid for: .*the same unit"),
        ({"phase": "more", "mechanism": WHOLE}, "more cannot be paid for: .*without noise there is no epsilon"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(tmp_path, pair, change, message):
    ledger = tmp_path / "budget.json"
    spend(ledger, 1.0, "teacher", pair[0])
    before = ledger.read_bytes()
    with pytest.raises(PrivatuneError, match=message) as caught:
        spend(**{"path": ledger, "target": 1.0, "phase": "teacher", "mechanism": pair[0]} | change)
    assert str(caught.value).startswith(f"{ledger}: ") and "\n" not in str(caught.value)
    assert ledger.read_bytes() == before


def test_a_first_phase_above_the_budget_leaves_no_ledger(tmp_path):
    ledger = tmp_path / "budget.json"
    exact = epsilon([PAID], "pld")
    with pytest.raises(PrivatuneError, match="above the budget"):
        spend(ledger, exact * (1 - 3e-6), "teacher", PAID)
    assert spent(ledger) == {} and not ledger.exists()
    assert spend(ledger, exact * (1 - 3e-7), "teacher", PAID) == exact, "rounding is no excess"


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data.replace(b'"rounds": 3', b'"rounds": 2')])
def test_a_damaged_ledger_is_not_begun_again(tmp_path, damage):
    ledger = tmp_path / "budget.json"
    spend(ledger, 9.0, "teacher", PAID)
    ledger.write_bytes(damaged := damage(ledger.read_bytes()))
    for read in (
        lambda: spent(ledger),
        lambda: spend(ledger, 9.0, "student", PAID),
        lambda: paid_noise(ledger, "x", 1),
    ):
        with pytest.raises(PrivatuneError, match="damaged or cannot be read; restore it from a copy") as caught:
            read()
        assert "delete" not in str(caught.value) and "\n" not in str(caught.value)
    assert ledger.read_bytes() == damaged


def test_a_ledger_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PrivatuneError, match=r"file/budget\.json: the ledger cannot be written"):
        spend(tmp_path / "file/budget.json", 9.0, "teacher", PAID)


def test_only_steps_that_were_paid_for_get_noise(tmp_path):
    ledger = tmp_path / "budget.json"
    with pytest.raises(PrivatuneError, match="teacher was not paid for; spend its share before its first step"):
        paid_noise(ledger, "teacher", 7)
    for phase in ("teacher", "student"):
        spend(ledger, 90.0, phase, PAID)
    noise = paid_noise(ledger, "teacher", 7)
    draws = [noise(step).standard_normal(2).tolist() for step in (1, 2, 3)]
    draws += [
        paid_noise(ledger, phase, seed)(1).standard_normal(2).tolist()
        for phase, seed in (("student", 7), ("teacher", 8))
    ]
    assert len({tuple(drawn) for drawn in draws}) == 5, "every step, phase and seed has noise of its own"
    for step in (0, 4):
        with pytest.raises(PrivatuneError, match=rf"step {step} of the phase teacher is a step beyond the budget"):
            noise(step)


def test_rows_say_what_each_phase_cost(pair):
    rows = ledger_rows({"teacher": pair[0], "student": pair[1]}, [1, 2])
    alone = [epsilon([phase], "pld") for phase in pair]
    half = [epsilon([replace(phase, delta=5e-5)], "pld") for phase in pair]
    own = [{"phase": "teacher", "number": 1, "steps": 3}, {"phase": "student", "number": 2, "steps": 5}]
    epsilons = [(alone[0], alone[0], half[0]), (alone[1], epsilon(pair, "pld"), sum(half))]
    assert rows == [
        mine
        | {
            "batch": 1000,
            "q": 1.0,
            "noise_multiplier": phase.noise_multiplier,
            "share": pytest.approx(mine["number"] / 3),
        }
        | dict(zip(("epsilon_alone", "epsilon_so_far", "epsilon_sum"), values, strict=True))
        | {"delta": 1e-4, "n": 1000}
        for mine, phase, values in zip(own, pair, epsilons, strict=True)
    ]
    assert rows[1]["epsilon_so_far"] < rows[1]["epsilon_sum"]
    (one,) = ledger_rows({"teacher": pair[0]}, [0.3])
    assert one["share"] == 1 and one["epsilon_alone"] == one["epsilon_so_far"] == one["epsilon_sum"]


def test_a_killed_training_goes_on_with_the_noise_that_it_paid_for(tmp_path):
    ledger, forked = tmp_path / "budget.json", get_context("fork")

    def train(sent, last):
        """Send the noise of every step; hang after the step `last`."""
        spend(ledger, 9.0, "teacher", PAID)
        noise = paid_noise(ledger, "teacher", 7)
        for step in (1, 2, 3):
            sent.send(noise(step).standard_normal())
            if step == last:
                signal.pause()

    def noise_of(last):
        read, sent = forked.Pipe(duplex=False)
        process = forked.Process(target=train, args=(sent, last))
        process.start()
        drawn = [read.recv() for _ in range(min(last, 3))]
        process.kill() if last < 3 else None
        process.join()
        assert process.exitcode == (-signal.SIGKILL if last < 3 else 0)
        return drawn, ledger.read_bytes()

    (killed, paid), (whole, after) = noise_of(2), noise_of(4)
    assert whole[:2] == killed and len(set(whole)) == 3
    assert after == paid and spent(ledger) == {"teacher": PAID}


@pytest.mark.parametrize(("names", "payments"), [("abcd", 2), ("aaaa", 1)])
def test_processes_at_once_do_not_overspend_together(tmp_path, monkeypatch, names, payments):
    """Four at a time, each of which looks at the ledger for so long that the others would see it as it was."""
    ledger, two = tmp_path / "budget.json", epsilon([PAID] * 2, "pld")
    costs = [epsilon([PAID], "pld"), two]

    def slow(phases, accountant):
        time.sleep(0.05)
        return epsilon(phases, accountant)

    def pay(name):
        with suppress(PrivatuneError):
            spend(ledger, two, name, PAID)

    monkeypatch.setattr(budget, "epsilon", slow)
    payers = [get_context("fork").Process(target=pay, args=(name,)) for name in names]
    for payer in payers:
        payer.start()
    for payer in payers:
        payer.join()
    assert [payer.exitcode for payer in payers] == [0] * 4
    assert len(spent(ledger)) == payments and set(spent(ledger).values()) == {PAID}
    assert [entry["epsilon_so_far"] for entry in read_json(ledger)["phases"]] == costs[:payments]
