"""What a model is worth: perplexity, keystrokes saved and recall on fixed samples of text."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.evaluation.keystrokes import PrefixIndex, type_words
from privatune.evaluation.settings import EvaluationSettings
from privatune.models import network
from privatune.models.network import Weights, hidden_states, zero_state
from privatune.models.ngram import Ngram, contexts_of, probabilities
from privatune.text.settings import EOS, UNK
from privatune.text.streams import Stream

WINDOW = 4  # words of each chunk that are scored at once: more no longer pays, and takes memory
SUGGESTIONS = 3  # of the keyboard, as in the paper


class Sample(NamedTuple):
    """Chunks of text, [chunks, words]: word ids, and the characters that each word had."""

    ids: np.ndarray
    lengths: np.ndarray


def sample(text: Stream, tokens: int, chunk: int, seed: int, name: str) -> Sample:
    """Draw chunks of consecutive words from the units of a stream, without replacement.

    Args:
        text: the stream.
        tokens: about how many words in all; fewer where the stream has fewer.
        chunk: words of a chunk.
        seed: of the draw.
        name: of the stream, for the draw and for errors.

    Raises:
        PrivatuneError: no unit of the stream is as long as one chunk.
    """
    starts = [np.arange(a, b - chunk + 1, chunk) for a, b in zip(text.offsets, text.offsets[1:], strict=False)]
    places = np.concatenate(starts) if starts else np.empty(0, np.int64)
    if not len(places):
        raise PrivatuneError(
            f"evaluation.chunk_tokens: {chunk} words, but nothing in the {name} text is as long; lower it or bring more"
        )
    drawn = stream(seed, "evaluation sample", name).permutation(places)[: max(1, tokens // chunk)]
    spans = np.sort(drawn)[:, None] + np.arange(chunk)
    return Sample(np.asarray(text.ids)[spans].astype(np.int64), np.asarray(text.lengths)[spans].astype(np.int64))


class Score(NamedTuple):
    """Sums over a sample; every measure is a ratio of two of them."""

    nats: float  # negative log-likelihood of the targets that the vocabulary has
    targets: int  # how many these are, ends of lines included
    unknown: int  # targets outside the vocabulary
    typed: int  # characters that still had to be typed
    characters: int  # non-space characters of the text
    hits: int  # words that were the first suggestion
    hits_of_list: int  # words among the suggestions
    words: int  # words in all, those outside the vocabulary included

    @property
    def perplexity(self) -> float:
        """exp of the mean of `nats`."""
        return pooled_perplexity([(self.nats, self.targets)])


def pooled_perplexity(parts: Iterable[tuple[float, int]]) -> float:
    """Perplexity over several texts, each given by its nats and targets (Popov et al. 2018, 'Average PPL')."""
    nats, targets = zip(*parts, strict=True)
    return math.exp(sum(nats) / sum(targets))


def score(weights: Weights, text: Sample, index: PrefixIndex, typing: bool = True) -> Score:
    """Read every chunk from a fresh state, in float32, and score its words but the first.

    KSS and its rules: Popov et al. 2018, 'Measures'. Ends of lines count in the perplexity alone.
    """
    totals = np.zeros(len(Score._fields))
    state = zero_state(weights, len(text.ids))
    # kept, since fresh pages for every window's logits cost as much as the product that fills them
    buffer = torch.empty(WINDOW * len(text.ids), len(weights["embedding"]))
    with torch.no_grad():
        for start in range(0, text.ids.shape[1] - 1, WINDOW):
            stop = min(start + WINDOW, text.ids.shape[1] - 1)
            inputs = torch.from_numpy(np.ascontiguousarray(text.ids[:, start:stop].T))
            targets = np.ascontiguousarray(text.ids[:, start + 1 : stop + 1].T).ravel()
            lengths = np.ascontiguousarray(text.lengths[:, start + 1 : stop + 1].T).ravel()
            hidden, state = hidden_states(weights, weights["embedding"][inputs], state)
            logits = buffer[: len(targets)]
            network.logits(weights, hidden.flatten(0, 1), logits)
            totals += _window(logits, targets, lengths, index, typing)
    return Score(float(totals[0]), *(int(total) for total in totals[1:]))


def score_ngram(model: Ngram, text: Sample, index: PrefixIndex) -> Score:
    """As `score`, of an n-gram model: of each chunk it reads nothing before the first word."""
    totals = np.zeros(len(Score._fields))
    distributions = np.empty((text.ids.shape[1] - 1, len(model.unigram)), np.float32)
    contexts = contexts_of(text.ids, len(model.words) + 1)
    for context, targets, lengths in zip(contexts, text.ids[:, 1:], text.lengths[:, 1:], strict=True):
        probabilities(model, context, out=distributions)
        of_words = _typing(distributions, targets, lengths, index)
        totals += [*_likelihood(distributions[np.arange(len(targets)), targets], targets), *of_words]
    return Score(float(totals[0]), *(int(total) for total in totals[1:]))


def _window(
    logits: torch.Tensor, targets: np.ndarray, lengths: np.ndarray, index: PrefixIndex, typing: bool
) -> np.ndarray:
    of_words = _typing(logits.numpy(), targets, lengths, index) if typing else [0] * 5
    # in place: a tenth of the time of logsumexp
    distributions = torch.ops.aten._softmax.out(logits, 1, False, out=logits)
    likelihoods = distributions[torch.arange(len(targets)), torch.from_numpy(targets)].numpy()
    return np.array([*_likelihood(likelihoods, targets), *of_words], np.float64)


def _typing(scores: np.ndarray, targets: np.ndarray, lengths: np.ndarray, index: PrefixIndex) -> list[int]:
    """What of a Score counts characters and words."""
    typed, ranks = type_words(scores, targets, lengths, index, SUGGESTIONS)
    words = targets != EOS
    hits = [(ranks[words] < limit).sum() for limit in (1, SUGGESTIONS)]
    return [typed.sum(), lengths.sum(), *hits, words.sum()]


def _likelihood(likelihoods: np.ndarray, targets: np.ndarray) -> tuple[float, int, int]:
    """Nats, known and unknown targets."""
    known = targets != UNK
    nats = -np.log(likelihoods.astype(np.float64)[known].clip(np.finfo(np.float32).tiny)).sum()
    return nats, known.sum(), (~known).sum()


def evaluate(
    model: Weights | Ngram,
    general: Stream,
    user: Stream,
    later: Stream,
    index: PrefixIndex,
    settings: EvaluationSettings,
    seed: int,
) -> dict[str, float | int]:
    """All measures of one model.

    Args:
        model: its weights, or an n-gram model.
        general: general test text.
        user: text of persons who never took part.
        later: the training persons' text that is newer than what they train on.
        index: of the vocabulary's prefixes.
        settings: sizes of the samples.
        seed: of the samples.

    Returns:
        ppl_* (perplexity; ppl_average is pooled over the targets of general and user), oov_* and recall*_user in
        percent, kss_* (keystroke saving rate, percent), targets_*: how many words each perplexity is a mean over.
    """

    def scored(text: Stream, tokens: int, name: str, typing: bool = True) -> Score:
        drawn = sample(text, tokens, settings.chunk_tokens, seed, name)
        return score_ngram(model, drawn, index) if isinstance(model, Ngram) else score(model, drawn, index, typing)

    of_general = scored(general, settings.general_tokens, "general")
    of_user = scored(user, settings.user_tokens, "user")
    of_later = scored(later, settings.later_tokens, "later", typing=False)
    measures: dict[str, float | int] = {
        "ppl_general": of_general.perplexity,
        "ppl_user": of_user.perplexity,
        "ppl_later": of_later.perplexity,
        "ppl_average": pooled_perplexity(part[:2] for part in (of_general, of_user)),
        "recall1_user": 100 * of_user.hits / of_user.words,
        f"recall{SUGGESTIONS}_user": 100 * of_user.hits_of_list / of_user.words,
    }
    for name, result in (("general", of_general), ("user", of_user)):
        measures[f"targets_{name}"] = result.targets
        measures[f"oov_{name}"] = 100 * result.unknown / (result.unknown + result.targets)
        measures[f"kss_{name}"] = 100 * (result.characters - result.typed) / result.characters
    return measures
