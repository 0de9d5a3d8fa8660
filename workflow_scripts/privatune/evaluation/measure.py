"""Measure a model's quality: perplexity, keystrokes saved and recall on fixed samples of text."""

from collections.abc import Callable, Sequence
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

WINDOW = 4  # how many words of each chunk are scored at once; more would take memory and save no time
SUGGESTIONS = 3  # how many words the keyboard shows, as in the paper
# The measures whose error is reported; those that only count the text have no error that matters.
RESAMPLED = [
    *(f"ppl_{text}{ends}" for text in ("general", "user", "average") for ends in ("", "_with_ends")),
    "kss_general",
    "kss_user",
    *(f"recall{best}_user" for best in (1, SUGGESTIONS)),
]


Read = Callable[[np.ndarray], torch.Tensor]
"""From the next words of all chunks, int64 [time, chunks], to the logits [time * chunks, vocabulary] of what follows.

It goes on where it stopped. The logits may be overwritten, both by it and by its caller.
"""
Reader = Callable[[int], Read]
"""From a number of chunks to a function that reads them from a fresh state."""


class Sample(NamedTuple):
    """Chunks of text."""

    ids: np.ndarray  # [chunks, words] word ids; what follows a shorter chunk has no meaning
    lengths: np.ndarray  # [chunks, words] how many characters each word had
    sizes: np.ndarray  # [chunks] how many words each chunk has
    units: np.ndarray  # [chunks] whose text each chunk is

    @property
    def targets(self) -> np.ndarray:
        """Which words are predicted, [chunks, words - 1]: all words of a chunk but its first."""
        return np.arange(1, self.ids.shape[1]) < self.sizes[:, None]


def sample(text: Stream, tokens: int, chunk: int, seed: int, name: str) -> Sample:
    """Draw chunks of consecutive words from the units of a stream, without replacement.

    The last chunk of a unit has what is left, so the text of every unit can be drawn.

    Args:
        text: the stream.
        tokens: how many words to draw at most; the draw ends before the chunk that would exceed it, but draws one.
        chunk: how many words a chunk has at most.
        seed: the seed of the draw.
        name: the name of the stream, which keys the draw and appears in errors.

    Raises:
        PrivatuneError: no unit of the stream has two words.
    """
    # a chunk of one word would have no target
    starts = [np.arange(a, b - 1, chunk) for a, b in zip(text.offsets, text.offsets[1:], strict=False)]
    places = np.concatenate(starts) if starts else np.empty(0, np.int64)
    if not len(places):
        raise PrivatuneError(f"the {name} text: nothing in it has two words to measure a model on; provide more text")
    order = stream(seed, "evaluation sample", name).permutation(places)
    ends = text.offsets[np.searchsorted(text.offsets, order, side="right")]
    total = np.cumsum(np.minimum(chunk, ends - order))
    drawn = np.sort(order[: max(1, np.searchsorted(total, tokens, side="right"))])
    units = np.searchsorted(text.offsets, drawn, side="right") - 1
    sizes = np.minimum(chunk, text.offsets[units + 1] - drawn)
    spans = np.minimum(drawn[:, None] + np.arange(sizes.max()), len(text.ids) - 1)
    ids, lengths = (np.asarray(part)[spans].astype(np.int64) for part in (text.ids, text.lengths))
    return Sample(ids, lengths, sizes, units)


class Score(NamedTuple):
    """Sums over text, each a number or an array. Every measure is a ratio of two sums."""

    nats: Any  # negative log-likelihood of the words in the vocabulary
    targets: Any  # how many words these are
    end_nats: Any  # negative log-likelihood of the ends of lines
    ends: Any  # how many ends of lines there are
    unknown: Any  # how many words are outside the vocabulary
    typed: Any  # how many characters still had to be typed
    characters: Any  # how many non-space characters the text has
    hits: Any  # how many words were the first suggestion
    hits_of_list: Any  # how many words were among the suggestions
    words: Any  # how many words there are, including those outside the vocabulary

    def total(self) -> "Score":
        """Return the sums over all text."""
        return Score(*(float(np.sum(part)) for part in self))

    def resampled(self, weights: np.ndarray) -> "Score":
        """Return the sums over each resample, [resamples]; the sums here are by cluster, and `weights` weighs them."""
        return Score(*(weights @ part for part in self))


def score(model: Weights | Reader, text: Sample, index: PrefixIndex, typing: bool = True) -> Score:
    """Read every chunk from a fresh state and score all its words but the first; return sums per chunk.

    The keystroke saving rate and its rules are those of Popov et al. (2018, 'Measures'). Ends of lines count only in
    perplexity, and separately from words: a model learns within minutes how long people's lines are, which says nothing
    about their words.

    Args:
        model: the weights of a model, which then reads in float32, or a function that reads.
        text: the chunks.
        index: the prefix index of the vocabulary.
        typing: whether characters and words are counted too.
    """
    read = (model if callable(model) else reader(model))(len(text.ids))
    sums = np.zeros((len(text.ids), len(Score._fields)))
    counted = text.targets
    for start in range(0, text.ids.shape[1] - 1, WINDOW):
        stop = min(start + WINDOW, text.ids.shape[1] - 1)
        logits = read(np.ascontiguousarray(text.ids[:, start:stop].T))
        targets = np.ascontiguousarray(text.ids[:, start + 1 : stop + 1].T).ravel()
        lengths = np.ascontiguousarray(text.lengths[:, start + 1 : stop + 1].T).ravel()
        parts = _window(logits, targets, lengths, index, typing)
        sums += (parts.reshape(len(parts), -1, len(text.ids)) * counted[:, start:stop].T).sum(1).T
    return Score(*sums.T)


def reader(weights: Weights) -> Reader:
    """Return how a model reads, in float32, windows of at most `WINDOW` words of each chunk."""

    def start(chunks: int) -> Read:
        state = zero_state(weights, chunks)
        # one buffer for all windows, since allocating memory for each window costs as much as the product that fills it
        buffer = torch.empty(WINDOW * chunks, len(weights["embedding"]))

        def read(words: np.ndarray) -> torch.Tensor:
            nonlocal state
            with torch.no_grad():
                hidden, state = hidden_states(weights, weights["embedding"][torch.from_numpy(words)], state)
                return network.logits(weights, hidden.flatten(0, 1), buffer[: words.size])

        return read

    return start


def score_ngram(model: Ngram, text: Sample, index: PrefixIndex) -> Score:
    """Score an n-gram model as `score` does; it reads nothing before the first word of each chunk."""
    sums = []
    distributions = np.empty((text.ids.shape[1] - 1, len(model.unigram)), np.float32)
    contexts = contexts_of(text.ids, len(model.words) + 1)
    chunks = zip(contexts, text.ids[:, 1:], text.lengths[:, 1:], text.targets, strict=True)
    for context, targets, lengths, counted in chunks:
        probabilities(model, context, out=distributions)
        of_words = _typing(distributions, targets, lengths, index)
        likelihoods = distributions[np.arange(len(targets)), targets]
        sums.append(np.concatenate([_likelihood(likelihoods, targets), of_words]) @ counted)
    return Score(*np.array(sums).T)


def _window(
    logits: torch.Tensor, targets: np.ndarray, lengths: np.ndarray, index: PrefixIndex, typing: bool
) -> np.ndarray:
    """Return the parts of a Score for each target, [parts, targets]."""
    of_words = _typing(logits.numpy(), targets, lengths, index) if typing else np.zeros((5, len(targets)))
    # a softmax in place takes a tenth of the time of logsumexp
    distributions = torch.ops.aten._softmax.out(logits, 1, False, out=logits)
    likelihoods = distributions[torch.arange(len(targets)), torch.from_numpy(targets)].numpy()
    return np.concatenate([_likelihood(likelihoods, targets), of_words])


def _typing(scores: np.ndarray, targets: np.ndarray, lengths: np.ndarray, index: PrefixIndex) -> np.ndarray:
    """Return the parts of a Score that count characters and words, for each target."""
    typed, ranks = type_words(scores, targets, lengths, index, SUGGESTIONS)
    words = targets != EOS
    return np.array([typed, lengths, words & (ranks < 1), words & (ranks < SUGGESTIONS), words], np.float64)


def _likelihood(likelihoods: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return, for each target, nats and counts of known words and of ends of lines, and the count of unknown words."""
    ends, unknown = targets == EOS, targets == UNK
    words = ~(ends | unknown)
    nats = -np.log(likelihoods.astype(np.float64).clip(np.finfo(np.float32).tiny))
    return np.array([nats * words, words, nats * ends, ends, unknown])


def evaluate(
    model: Weights | Ngram | Reader,
    general: Stream,
    user: Stream,
    index: PrefixIndex,
    settings: SampleSettings,
    seed: int,
) -> dict[str, Any]:
    """Return all measures of one model; none of them reads the text of training persons.

    Args:
        model: the weights of a model, an n-gram model, or a function that reads as a model.
        general: general test text.
        user: the text of persons who never took part.
        index: the prefix index of the vocabulary.
        settings: the sizes of the samples.
        seed: the seed of the samples.

    Returns:
        ppl_*: perplexity of words, where ppl_average pools the words of general and user; ppl_*_with_ends: the same
        with ends of lines among the targets; oov_* and recall*_user, in percent; kss_*: keystroke saving rate, in
        percent; targets_* and ends_*: how many words and ends of lines each perplexity averages over; clusters_*: how
        many documents or persons are resampled; persons_user: of how many persons there is text; *_resampled: the
        measure on each resample of documents and persons, as text, so that the record stays flat.
    """

    def scored(drawn: Sample) -> Score:
        scores = score_ngram(model, drawn, index) if isinstance(model, Ngram) else score(model, drawn, index)
        return Score(*(np.bincount(clusters(drawn.units), part) for part in scores))

    of_persons = sample(user, settings.user_tokens, settings.chunk_tokens, seed, "user")
    by_document = scored(sample(general, settings.general_tokens, settings.chunk_tokens, seed, "general"))
    by_person = scored(of_persons)
    of_general, of_user = by_document.total(), by_person.total()
    counts = {
        f"{count}_{name}": int(getattr(part, count))
        for name, part in (("general", of_general), ("user", of_user))
        for count in ("targets", "ends")
    }
    counts |= {"clusters_general": len(by_document.words), "clusters_user": len(by_person.words)}
    counts |= {"persons_user": len(np.unique(of_persons.units))}
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
    """Return the measures of `evaluate` and ppl_later, the perplexity of newer text of persons_later training persons.

    No noise protects ppl_later, so do not use it for models that must protect these persons.
    """
    drawn = sample(later, settings.later_tokens, settings.chunk_tokens, seed, "later")
    of_later = score(weights, drawn, index, typing=False).total()
    found = {"ppl_later": float(perplexity([of_later])), "persons_later": len(np.unique(drawn.units))}
    return evaluate(weights, general, user, index, settings, seed) | found


def _resampled(general: Score, user: Score, count: int, seed: int) -> dict[str, str]:
    """Return the measures on resamples of documents and of persons; they are empty if there is only one cluster."""
    sizes = {"general": len(general.words), "user": len(user.words)}
    if min(sizes.values()) < 2:
        return dict.fromkeys((f"{name}_resampled" for name in RESAMPLED), "")
    weights = {name: resamples(size, count, seed, name) for name, size in sizes.items()}
    with np.errstate(invalid="ignore"):  # a resample of few persons may hold no word; it is skipped for every model
        found = measures(general.resampled(weights["general"]), user.resampled(weights["user"]))
    return {f"{name}_resampled": " ".join(f"{value:.6g}" for value in found[name]) for name in RESAMPLED}


def measures(general: Score, user: Score) -> dict[str, Any]:
    """Compute the measures by name from two scores: each is a number, or an array where the scores hold arrays."""
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
    """Return the perplexity of words, or also of ends of lines, pooled over all targets of several texts.

    See 'Measures' in Popov et al. (2018).
    """
    nats = sum(part.nats + with_ends * part.end_nats for part in parts)
    targets = sum(part.targets + with_ends * part.ends for part in parts)
    return np.exp(nats / targets)
