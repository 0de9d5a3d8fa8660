"""What a model is worth: perplexity, keystrokes saved and recall on fixed samples of text."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.evaluation.keystrokes import PrefixIndex, type_words
from privatune.evaluation.resampling import clusters, resamples
from privatune.evaluation.settings import EvaluationSettings, SampleSettings
from privatune.models import network
from privatune.models.network import Weights, hidden_states, zero_state
from privatune.models.ngram import Ngram, contexts_of, probabilities
from privatune.text.settings import EOS, UNK
from privatune.text.streams import Stream

WINDOW = 4  # words of each chunk that are scored at once: more no longer pays, and takes memory
SUGGESTIONS = 3  # of the keyboard, as in the paper
# measures whose error is told: what is counted of the text alone has none that matters
RESAMPLED = [
    *(f"ppl_{text}{ends}" for text in ("general", "user", "average") for ends in ("", "_with_ends")),
    "kss_general",
    "kss_user",
    *(f"recall{best}_user" for best in (1, SUGGESTIONS)),
]


class Sample(NamedTuple):
    """Chunks of text: word ids and the characters that each word had, [chunks, words]; whose text each is, [chunks]."""

    ids: np.ndarray
    lengths: np.ndarray
    units: np.ndarray


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
    drawn = np.sort(stream(seed, "evaluation sample", name).permutation(places)[: max(1, tokens // chunk)])
    spans = drawn[:, None] + np.arange(chunk)
    units = np.searchsorted(text.offsets, drawn, side="right") - 1
    return Sample(np.asarray(text.ids)[spans].astype(np.int64), np.asarray(text.lengths)[spans].astype(np.int64), units)


class Score(NamedTuple):
    """Sums over text, a number each or an array of them; every measure is a ratio of two sums."""

    nats: Any  # negative log-likelihood of the words that the vocabulary has
    targets: Any  # how many these are
    end_nats: Any  # negative log-likelihood of the ends of lines
    ends: Any  # how many these are
    unknown: Any  # words outside the vocabulary
    typed: Any  # characters that still had to be typed
    characters: Any  # non-space characters of the text
    hits: Any  # words that were the first suggestion
    hits_of_list: Any  # words among the suggestions
    words: Any  # words in all, those outside the vocabulary included

    def total(self) -> "Score":
        """Its sums over all text."""
        return Score(*(float(np.sum(part)) for part in self))

    def resampled(self, weights: np.ndarray) -> "Score":
        """Its sums over each resample, [resamples], of clusters [clusters] that have their weights there."""
        return Score(*(weights @ part for part in self))


def score(weights: Weights, text: Sample, index: PrefixIndex, typing: bool = True) -> Score:
    """Read every chunk from a fresh state, in float32, and score its words but the first; sums by chunk.

    KSS and its rules: Popov et al. 2018, 'Measures'. Ends of lines are counted apart from words, in perplexity alone:
    a model learns within minutes how long people's lines are, which tells nothing about their words.
    """
    sums = np.zeros((len(text.ids), len(Score._fields)))
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
            parts = _window(logits, targets, lengths, index, typing)
            sums += parts.reshape(len(parts), -1, len(text.ids)).sum(1).T
    return Score(*sums.T)


def score_ngram(model: Ngram, text: Sample, index: PrefixIndex) -> Score:
    """As `score`, of an n-gram model: of each chunk it reads nothing before the first word."""
    sums = []
    distributions = np.empty((text.ids.shape[1] - 1, len(model.unigram)), np.float32)
    contexts = contexts_of(text.ids, len(model.words) + 1)
    for context, targets, lengths in zip(contexts, text.ids[:, 1:], text.lengths[:, 1:], strict=True):
        probabilities(model, context, out=distributions)
        of_words = _typing(distributions, targets, lengths, index)
        likelihoods = distributions[np.arange(len(targets)), targets]
        sums.append(np.concatenate([_likelihood(likelihoods, targets), of_words]).sum(1))
    return Score(*np.array(sums).T)


def _window(
    logits: torch.Tensor, targets: np.ndarray, lengths: np.ndarray, index: PrefixIndex, typing: bool
) -> np.ndarray:
    """The parts of a Score by target, [parts, targets]."""
    of_words = _typing(logits.numpy(), targets, lengths, index) if typing else np.zeros((5, len(targets)))
    # in place: a tenth of the time of logsumexp
    distributions = torch.ops.aten._softmax.out(logits, 1, False, out=logits)
    likelihoods = distributions[torch.arange(len(targets)), torch.from_numpy(targets)].numpy()
    return np.concatenate([_likelihood(likelihoods, targets), of_words])


def _typing(scores: np.ndarray, targets: np.ndarray, lengths: np.ndarray, index: PrefixIndex) -> np.ndarray:
    """What of a Score counts characters and words, by target."""
    typed, ranks = type_words(scores, targets, lengths, index, SUGGESTIONS)
    words = targets != EOS
    return np.array([typed, lengths, words & (ranks < 1), words & (ranks < SUGGESTIONS), words], np.float64)


def _likelihood(likelihoods: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Nats and number of known words, those of ends of lines, and unknown words, by target."""
    ends, unknown = targets == EOS, targets == UNK
    words = ~(ends | unknown)
    nats = -np.log(likelihoods.astype(np.float64).clip(np.finfo(np.float32).tiny))
    return np.array([nats * words, words, nats * ends, ends, unknown])


def evaluate(
    model: Weights | Ngram,
    general: Stream,
    user: Stream,
    index: PrefixIndex,
    settings: SampleSettings,
    seed: int,
) -> dict[str, Any]:
    """All measures of one model, of which none reads the training persons' text.

    Args:
        model: its weights, or an n-gram model.
        general: general test text.
        user: text of persons who never took part.
        index: of the vocabulary's prefixes.
        settings: sizes of the samples.
        seed: of the samples.

    Returns:
        ppl_* (perplexity of words; ppl_average is pooled over the words of general and user), ppl_*_with_ends (ends of
        lines among the targets), oov_* and recall*_user in percent, kss_* (keystroke saving rate, percent), targets_*
        and ends_*: over how many words and ends of lines each perplexity is a mean; clusters_*: over how many documents
        or persons. *_resampled: a measure on each resample of these, as text, so that a record stays flat.
    """

    def scored(text: Stream, tokens: int, name: str) -> Score:
        drawn = sample(text, tokens, settings.chunk_tokens, seed, name)
        scores = score_ngram(model, drawn, index) if isinstance(model, Ngram) else score(model, drawn, index)
        return Score(*(np.bincount(clusters(drawn.units), part) for part in scores))

    by_document = scored(general, settings.general_tokens, "general")
    by_person = scored(user, settings.user_tokens, "user")
    of_general, of_user = by_document.total(), by_person.total()
    counts = {
        f"{count}_{name}": int(getattr(part, count))
        for name, part in (("general", of_general), ("user", of_user))
        for count in ("targets", "ends")
    }
    counts |= {"clusters_general": len(by_document.words), "clusters_user": len(by_person.words)}
    again = _resampled(by_document, by_person, settings.resamples, seed)
    return {name: float(value) for name, value in measures(of_general, of_user).items()} | counts | again


def evaluate_with_later(
    weights: Weights,
    general: Stream,
    user: Stream,
    later: Stream,
    index: PrefixIndex,
    settings: EvaluationSettings,
    seed: int,
) -> dict[str, Any]:
    """What `evaluate` finds, and ppl_later: perplexity of training persons' text newer than what they train on.

    No noise covers it, so it is not for models that are to protect these persons.
    """
    drawn = sample(later, settings.later_tokens, settings.chunk_tokens, seed, "later")
    of_later = score(weights, drawn, index, typing=False).total()
    return evaluate(weights, general, user, index, settings, seed) | {"ppl_later": float(perplexity([of_later]))}


def _resampled(general: Score, user: Score, count: int, seed: int) -> dict[str, str]:
    """The measures on resamples of documents and of persons; empty where there is one cluster alone."""
    sizes = {"general": len(general.words), "user": len(user.words)}
    if min(sizes.values()) < 2:
        return dict.fromkeys((f"{name}_resampled" for name in RESAMPLED), "")
    weights = {name: resamples(size, count, seed, name) for name, size in sizes.items()}
    with np.errstate(invalid="ignore"):  # a resample of few persons may hold no word; it is left out of every model's
        found = measures(general.resampled(weights["general"]), user.resampled(weights["user"]))
    return {f"{name}_resampled": " ".join(f"{value:.6g}" for value in found[name]) for name in RESAMPLED}


def measures(general: Score, user: Score) -> dict[str, Any]:
    """What two scores come to: by name, a number each, or an array where the scores hold arrays."""
    found = {}
    for name, parts in {"general": [general], "user": [user], "average": [general, user]}.items():
        found[f"ppl_{name}"] = perplexity(parts)
        found[f"ppl_{name}_with_ends"] = perplexity(parts, with_ends=True)
    for name, part in (("general", general), ("user", user)):
        found[f"oov_{name}"] = 100 * part.unknown / part.words
        found[f"kss_{name}"] = 100 * (part.characters - part.typed) / part.characters
    for best, hits in ((1, user.hits), (SUGGESTIONS, user.hits_of_list)):
        found[f"recall{best}_user"] = 100 * hits / user.words
    return found


def perplexity(parts: Sequence[Score], with_ends: bool = False) -> Any:
    """Of words, or of ends of lines too; several texts are pooled by their targets (Popov et al. 2018, 'Measures')."""
    nats = sum(part.nats + with_ends * part.end_nats for part in parts)
    targets = sum(part.targets + with_ends * part.ends for part in parts)
    return np.exp(nats / targets)
