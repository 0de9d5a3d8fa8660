import numpy as np
import pytest

from privatune.attacks.canaries import carriers, draw_canaries
from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.text.settings import EOS, MARKS, UNK
from privatune.text.streams import Stream

WORDS = [*MARKS, ".", "?", *(f"w{n:03}" for n in range(300))]
GRID = {"users": [1, 3], "copies": [1, 4, 10]}


def public(sentences=60):
    """Two documents whose lines hold two sentences each, and now and then one of a single word."""
    rng, ids, starts = stream(0, "public"), [], []
    for document in range(2):
        starts.append(len(ids))
        for n in range(sentences // 4):
            for mark in (2, 3):
                ids += [*rng.integers(10, 20, rng.integers(2, 9)).tolist(), mark]
            ids += [11, 2, EOS] if (n + document) % 3 == 0 else [EOS]
    ids = np.array(ids, np.uint16)
    return Stream(ids, np.where(ids == EOS, 0, 4).astype(np.uint8), np.array([*starts, len(ids)]), ["a", "b"])


def lines(ids):
    return [tuple(part[:-1].tolist()) for part in np.split(ids, np.flatnonzero(ids == EOS) + 1)[:-1]]


def test_a_grid_has_three_different_canaries_a_cell():
    canaries = draw_canaries(len(WORDS), [1, 4, 16], [1, 14, 200], 3, seed=0)
    assert len(canaries) == 27
    assert len({tuple(canary.words) for canary in canaries}) == 27
    for canary in canaries:
        assert canary.words.shape == (5,)
        assert min(canary.words) > max(UNK, EOS)
    used = np.concatenate([c.words for c in draw_canaries(4, [1], [1], 50, seed=0)])
    assert set(used.tolist()) == {2, 3}, "every word of the vocabulary may stand in one"


def test_a_canary_does_not_depend_on_the_rest_of_the_grid():
    wide = draw_canaries(500, [1, 4, 16], [1, 14, 200], 3, seed=0)
    small = draw_canaries(500, [4], [14], 1, seed=0)
    assert [c.words.tolist() for c in wide if c[:3] == (4, 14, 0)] == [small[0].words.tolist()]
    assert small[0].words.tolist() != draw_canaries(500, [4], [14], 1, seed=1)[0].words.tolist()


def test_each_person_carries_the_copies_among_public_sentences():
    canaries = draw_canaries(len(WORDS), **GRID, per_cell=2, seed=0)
    text = carriers(canaries, public(), WORDS, sentences=10, seed=0)
    assert len(text.units) == len(set(text.units)) == 2 * 3 * (1 + 3)
    allowed = {
        line
        for part in np.split(public().ids, np.flatnonzero(np.isin(public().ids, [2, 3, EOS])) + 1)
        for line in [tuple(part.tolist())]
        if len(line) >= 3
    }
    person, orders = 0, set()
    for canary in canaries:
        for n in range(canary.n_users):
            assert text.units[person] == f"canary-{canary.n_users}-{canary.n_copies}-{canary.number}-{n}"
            own = lines(text.unit(person))
            copies = [line == tuple(canary.words) for line in own]
            orders.add(tuple(copies))
            others = [line for line, copy in zip(own, copies, strict=True) if not copy]
            assert (len(own), sum(copies)) == (10, canary.n_copies)
            assert set(others) <= allowed
            assert len(set(others)) == len(others), "drawn without replacement"
            person += 1
    assert len(orders) > 10, "copies stand anywhere"
    assert text.ids.dtype == np.uint16
    assert text.lengths.tolist() == [
        0 if id == EOS else 4 if id > 3 or length == 4 else 1 for id, length in zip(text.ids, text.lengths, strict=True)
    ]
    again = carriers(canaries[2:], public(), WORDS, sentences=10, seed=0)
    np.testing.assert_array_equal(again.unit(0), text.unit(2))


@pytest.mark.parametrize(("copies", "sentences"), [(11, 10), (1, 2000)])
def test_what_cannot_be_made_is_refused(copies, sentences):
    canaries = draw_canaries(len(WORDS), [1], [copies], 1, seed=0)
    with pytest.raises(PrivatuneError, match=r"canaries: .* copies cannot be made"):
        carriers(canaries, public(), WORDS, sentences, seed=0)
