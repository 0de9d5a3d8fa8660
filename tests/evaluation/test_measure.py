import math

import numpy as np
import pytest
import torch

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.evaluation.keystrokes import prefix_index
from privatune.evaluation.measure import (
    SUGGESTIONS,
    Sample,
    Score,
    evaluate,
    evaluate_with_later,
    measures,
    perplexity,
    sample,
    score,
    score_ngram,
)
from privatune.evaluation.resampling import resamples
from privatune.evaluation.settings import EvaluationSettings
from privatune.models.network import hidden_states, initial_weights, output_weight, zero_state
from privatune.models.ngram import contexts_of, probabilities, train_ngram
from privatune.models.settings import LstmSettings
from privatune.text.settings import EOS, MARKS, UNK
from privatune.text.streams import Stream

WORDS = [*MARKS, "a", "an", "and", "ant", "be", "bee", "been", "c", "cat", "cats"]
INDEX = prefix_index(WORDS)
WEIGHTS = initial_weights(LstmSettings(hidden=8), len(WORDS), stream(0, "w"))
WEIGHTS["output.bias"] = torch.from_numpy(stream(1, "b").standard_normal(len(WORDS)).astype(np.float32))
SETTINGS = EvaluationSettings(chunk_tokens=40, general_tokens=200, user_tokens=600, later_tokens=80)


def text(seed, units=6, words=120):
    ids = stream(seed, "t").integers(0, len(WORDS), units * words).astype(np.uint16)
    lengths = np.array([len(WORDS[i]) if i > EOS else 0 if i == EOS else 7 for i in ids], np.uint8)
    return Stream(ids, lengths, np.arange(units + 1) * words, [str(n) for n in range(units)])


def lstm_logits(ids):
    read = torch.from_numpy(ids[:, None].copy())
    hidden, _ = hidden_states(WEIGHTS, WEIGHTS["embedding"][read], zero_state(WEIGHTS, 1))
    return (hidden[:, 0] @ output_weight(WEIGHTS).t() + WEIGHTS["output.bias"]).detach()


def naive_score(chunks, logits_of=lstm_logits):
    """Word by word: all sums of a Score, from the definitions of the paper."""
    nats = targets = end_nats = ends = unknown = typed = characters = hits = hits_of_list = words = 0
    for ids, lengths, size in zip(chunks.ids, chunks.lengths, chunks.sizes, strict=True):
        logits = logits_of(ids)
        for place in range(size - 1):
            target, length = int(ids[place + 1]), int(lengths[place + 1])
            log_probabilities = torch.log_softmax(logits[place], 0)
            if target == EOS:
                end_nats -= float(log_probabilities[target])
                ends += 1
                continue
            if target == UNK:
                unknown += 1
            else:
                nats -= float(log_probabilities[target])
                targets += 1
            words, characters = words + 1, characters + length
            order = sorted(range(2, len(WORDS)), key=lambda w: (-float(logits[place][w]), w))
            hits += target == order[0]
            hits_of_list += target in order[:SUGGESTIONS]
            cost = length
            if target != UNK:
                for letters in range(length):
                    matching = [w for w in order if WORDS[w].startswith(WORDS[target][:letters])]
                    if target in matching[:SUGGESTIONS]:
                        cost = letters
                        break
            typed += cost
    return Score(nats, targets, end_nats, ends, unknown, typed, characters, hits, hits_of_list, words)


def test_score_equals_the_definitions_word_by_word():
    chunks = sample(text(2), tokens=300, chunk=50, seed=0, name="user")
    assert set(chunks.sizes) == {20, 50}, "units have 120 words"
    found, expected = score(WEIGHTS, chunks, INDEX), naive_score(chunks)
    assert tuple(found.total()) == pytest.approx(tuple(expected), rel=1e-5)
    assert found.ends.shape == chunks.sizes.shape and expected.ends > 0 and expected.unknown > 0
    alone = naive_score(Sample(*(part[2:3] for part in chunks)))
    assert [part[2] for part in found] == pytest.approx(list(alone), rel=1e-5), "sums are by chunk"


def test_score_of_an_ngram_model_equals_the_definitions_word_by_word():
    model = train_ngram(text(7), len(WORDS))
    chunks = sample(text(2), tokens=300, chunk=50, seed=0, name="user")
    found = score_ngram(model, chunks, INDEX).total()
    # log-probabilities are logits whose softmax is what the model gives
    expected = naive_score(
        chunks, lambda ids: torch.from_numpy(probabilities(model, contexts_of(ids[None], 3)[0])).log()
    )
    assert tuple(found) == pytest.approx(tuple(expected), rel=1e-5)


def stream_of(*sizes):
    ends = np.cumsum([0, *sizes])
    return Stream(np.arange(ends[-1], dtype=np.uint16), np.ones(ends[-1], np.uint8), ends, list(map(str, sizes)))


def test_chunks_are_consecutive_text_of_one_unit_drawn_once():
    chunks = sample(stream_of(25, 4, 71), tokens=1000, chunk=10, seed=0, name="user")
    drawn = sorted((unit, *ids[:size]) for unit, ids, size in zip(chunks.units, chunks.ids, chunks.sizes, strict=True))
    # the last word of the third unit would be a chunk without a target
    parts = [
        (0, 0, 10),
        (0, 10, 20),
        (0, 20, 25),
        (1, 25, 29),
        *((2, start, start + 10) for start in range(29, 99, 10)),
    ]
    assert drawn == [(unit, *range(start, stop)) for unit, start, stop in parts]


def test_a_draw_has_at_most_as_many_words_as_asked_for_but_one_chunk():
    few = sample(stream_of(100, 100), tokens=30, chunk=10, seed=0, name="user")
    assert few.ids.shape == (3, 10)
    assert (few.ids != sample(stream_of(100, 100), tokens=30, chunk=10, seed=1, name="user").ids).any()
    assert sample(stream_of(100, 100), tokens=3, chunk=10, seed=0, name="user").ids.shape == (1, 10)
    assert sample(stream_of(*[7] * 9), tokens=30, chunk=10, seed=0, name="user").sizes.tolist() == [7] * 4


def test_every_person_can_be_drawn_and_is_counted():
    # 36 of 50 persons are shorter than a chunk, as in an issue of this project
    words = [*range(2, 38), *range(250, 264)]
    people = Stream(*(part for part in _repeated(words)), np.cumsum([0, *words]), list(map(str, words)))
    settings = EvaluationSettings(chunk_tokens=250, general_tokens=500, user_tokens=10**6, later_tokens=10**6)
    found = evaluate_with_later(WEIGHTS, text(3), people, people, INDEX, settings, seed=0)
    assert found["persons_user"] == found["persons_later"] == 50
    seen = {unit for seed in range(400) for unit in sample(people, 300, 250, seed, "user").units}
    assert seen == set(range(50))


def _repeated(words):
    ids = stream(9, "people").integers(len(MARKS), len(WORDS), sum(words)).astype(np.uint16)
    return ids, np.array([len(WORDS[i]) for i in ids], np.uint8)


def test_text_without_two_words_is_refused():
    with pytest.raises(PrivatuneError, match="the user text: nothing in it has two words"):
        sample(stream_of(1, 1), tokens=1000, chunk=500, seed=0, name="user")


def test_the_average_is_pooled_over_targets():
    found = evaluate(WEIGHTS, text(3), text(4), INDEX, SETTINGS, seed=0)
    n, m = found["targets_general"], found["targets_user"]
    pooled = (n * math.log(found["ppl_general"]) + m * math.log(found["ppl_user"])) / (n + m)
    assert found["ppl_average"] == pytest.approx(math.exp(pooled))
    assert 0 <= found["recall1_user"] <= found["recall3_user"] <= 100
    assert 0 <= found["kss_user"] <= 100


def test_the_pooled_average_reproduces_the_papers_rows():
    # papers' tables 1 and 2: 170k general and 200k user targets
    for general, user, average in ((100.1, 336.0, 192.6), (265.1, 93.4, 150.8), (105.5, 109.3, 107.5)):
        parts = [Score(n * math.log(ppl), n, *[0] * 8) for n, ppl in ((170, general), (200, user))]
        assert perplexity(parts) == pytest.approx(average, abs=0.15)


def test_perplexity_is_that_of_words_and_stands_beside_one_with_ends_of_lines():
    # golden: 100 words at 4 nats, 10 ends of lines at 1; another text: 50 words at 6, 40 ends at 2
    general, user = Score(400, 100, 10, 10, *[1] * 6), Score(300, 50, 80, 40, *[1] * 6)
    found = measures(general, user)
    assert found["ppl_general"] == pytest.approx(math.exp(4)) and found["ppl_user"] == pytest.approx(math.exp(6))
    assert found["ppl_average"] == pytest.approx(math.exp(700 / 150))
    assert found["ppl_general_with_ends"] == pytest.approx(math.exp(410 / 110))
    assert found["ppl_user_with_ends"] == pytest.approx(math.exp(380 / 90))
    assert found["ppl_average_with_ends"] == pytest.approx(math.exp(790 / 200))


def test_a_model_that_only_learns_where_lines_end_gains_nothing_on_words():
    """Its perplexity with ends of lines falls below that of words, which rises as words lose their share."""
    before, after = (constant(ends) for ends in (0.05, 0.4))
    found = [evaluate(model, text(3), text(4), INDEX, SETTINGS, seed=0) for model in (before, after)]
    others = len(WORDS) - 1
    for measures_of, ends in zip(found, (0.05, 0.4), strict=True):
        assert measures_of["ppl_user"] == pytest.approx(others / (1 - ends), rel=1e-4)
        assert measures_of["ppl_average"] == pytest.approx(others / (1 - ends), rel=1e-4)
        n, m = measures_of["targets_user"], measures_of["ends_user"]
        nats = n * math.log(others / (1 - ends)) - m * math.log(ends)
        assert measures_of["ppl_user_with_ends"] == pytest.approx(math.exp(nats / (n + m)), rel=1e-4)


def constant(ends):
    """A model that gives ends of lines a share of `ends` whatever it has read, and all else equal shares."""
    weights = {name: torch.zeros_like(part) for name, part in WEIGHTS.items()}
    shares = np.full(len(WORDS), (1 - ends) / (len(WORDS) - 1), np.float32)
    shares[EOS] = ends
    return weights | {"output.bias": torch.from_numpy(np.log(shares))}


def test_resamples_are_of_whole_persons_and_documents():
    """A resample is a sample in which persons come again: read as one, it has the measure that was told."""
    found = evaluate(WEIGHTS, text(3), text(4), INDEX, SETTINGS, seed=0)
    drawn = sample(text(4), SETTINGS.user_tokens, SETTINGS.chunk_tokens, 0, "user")
    persons = np.unique(drawn.units)
    assert found["clusters_user"] == len(persons) == 6
    told = [float(value) for value in found["ppl_user_resampled"].split()]
    assert len(told) == SETTINGS.resamples and np.std(told) > 0
    for weights, value in zip(resamples(6, SETTINGS.resamples, 0, "user")[:5], told, strict=False):
        chunks = [np.flatnonzero(drawn.units == person) for person in np.repeat(persons, weights.astype(int))]
        again = np.concatenate(chunks)
        by_chunk = score(WEIGHTS, Sample(*(part[again] for part in drawn)), INDEX)
        assert perplexity([by_chunk.total()]) == pytest.approx(value, rel=1e-5)


def test_models_are_measured_on_the_same_resamples():
    """Where every word has the same share, perplexity is the same whoever is drawn, while recall tells who was."""
    first, second = (
        evaluate(model, text(3), text(4), INDEX, SETTINGS, seed=0) for model in (constant(0.1), constant(0.2))
    )
    assert first["recall3_user_resampled"] == second["recall3_user_resampled"]
    assert len(set(first["recall3_user_resampled"].split())) > 50
    assert {value[:5] for value in first["ppl_user_resampled"].split()} == {"12.22"}


def test_one_document_is_resampled_by_chunk_and_one_chunk_not_at_all():
    whole = text(3, units=1, words=400)
    found = evaluate(WEIGHTS, whole, text(4), INDEX, SETTINGS, seed=0)
    assert found["clusters_general"] == 5 and found["ppl_general_resampled"]
    one = SETTINGS.model_copy(update={"general_tokens": 40})
    found = evaluate(WEIGHTS, whole, text(4), INDEX, one, seed=0)
    assert found["clusters_general"] == 1 and found["ppl_general_resampled"] == ""
