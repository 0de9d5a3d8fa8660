"""The neighbour of a round against the round of the other cohort, run as a whole."""

import numpy as np
import pytest

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.core.tensors import pack
from privatune.federation.aggregation import aggregate
from privatune.federation.clients import run_clients
from privatune.federation.cohorts import cohort
from privatune.federation.settings import ScenarioSettings
from privatune.models.arrays import Model
from privatune.models.network import initial_weights
from privatune.models.settings import LstmSettings, NumericsSettings
from privatune.systems.popov.neighbours import neighbour
from privatune.text.settings import EOS
from privatune.text.streams import Stream

WORDS, NUMERICS = 50, NumericsSettings()


def text(units, words, seed):
    ids = stream(seed, "text").integers(EOS, WORDS, units * words).astype(np.uint16)
    offsets = np.arange(units + 1) * words
    return Stream(ids, np.ones(len(ids), np.uint8), offsets, [f"p{n:04d}" for n in range(units)])


# its clip hangs on the size of the cohort, which must not be that of the wider one
CODECS = {"dense": {"name": "dense"}, "qsgd": {"name": "qsgd"}, "dgc": {"name": "dgc", "share": 1, "clip": 1e-3}}
PRIVATE, GENERAL = text(7, 120, 1), text(3, 400, 2)
WEIGHTS = {n: w.numpy() for n, w in initial_weights(LstmSettings(hidden=8), WORDS, stream(0, "w")).items()}
MODEL = Model(WEIGHTS, {"of": "test"}, len(pack(WEIGHTS, {"of": "test"})))


def scenario(size, objective="rehearsal", codec="dense"):
    client = {"minibatch": 4, "bptt": 5, "objective": objective}
    return ScenarioSettings(client=client, cohort={"size": size, "rounds": 1}, codec=CODECS[codec])


def one_round(settings, places, seed, private=PRIVATE):
    payloads = [p for p, _ in run_clients(MODEL, private, GENERAL, settings, NUMERICS, (seed, 1), places)]
    return aggregate(MODEL, payloads, settings, NUMERICS, (seed, 1))


@pytest.mark.parametrize(
    ("size", "objective", "codec"),
    [
        (4, "rehearsal", "dense"),
        (4, "plain", "dense"),
        (1, "rehearsal", "dense"),
        (4, "plain", "qsgd"),
        (4, "plain", "dgc"),
    ],
)
def test_it_is_the_mean_over_the_other_cohort(size, objective, codec):
    settings, seed = scenario(size, objective, codec), 5
    trained = one_round(settings, range(size), seed)
    changed = neighbour(MODEL, trained, PRIVATE, GENERAL, settings, NUMERICS, seed)
    wider, everyone = scenario(size + 1, objective, codec), range(size + 1)
    visits = run_clients(MODEL, PRIVATE, GENERAL, wider, NUMERICS, (seed, 1), everyone, size)
    _, *others = [payload for payload, _ in visits]
    expected = aggregate(MODEL, others, settings, NUMERICS, (seed, 1))
    assert changed.about == expected.about
    for name, weight in expected.arrays.items():
        np.testing.assert_allclose(changed.arrays[name], weight, rtol=0, atol=3e-7)
    assert any((changed.arrays[name] != weight).any() for name, weight in trained.arrays.items())


def test_only_one_person_differs():
    first, wider = cohort(7, 4, 1, seed=5), cohort(7, 5, 1, seed=5)
    assert wider[:4] == first
    # what the three others wrote decides nothing of the difference
    silent = np.array(PRIVATE.ids)
    for person in first[1:]:
        silent[PRIVATE.offsets[person] : PRIVATE.offsets[person + 1]] = EOS
    other = Stream(silent, PRIVATE.lengths, PRIVATE.offsets, PRIVATE.units)
    differences = []
    for private in (PRIVATE, other):
        trained = one_round(scenario(4), range(4), 5, private)
        changed = neighbour(MODEL, trained, private, GENERAL, scenario(4), NUMERICS, 5)
        pair = [trained.arrays, changed.arrays]
        differences.append({name: pair[1][name] - pair[0][name] for name in pair[0]})
    for name, change in differences[0].items():
        np.testing.assert_allclose(change, differences[1][name], rtol=0, atol=3e-7)


def test_there_must_be_one_more_person():
    settings = scenario(7)
    trained = one_round(settings, range(7), 0)
    with pytest.raises(
        PrivatuneError, match=r"^cohort\.size of `tail.scenario`, plus one: a round needs 8 persons, but only 7"
    ):
        neighbour(MODEL, trained, PRIVATE, GENERAL, settings, NUMERICS, 0)
