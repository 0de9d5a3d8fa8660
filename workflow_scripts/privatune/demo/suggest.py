"""Read the text that is typed so far, suggest words, and count the letters that these suggestions leave to type.

A text begins after the end of a line. What is counted is the measure of Popov et al. (2018) as `evaluation.keystrokes`
computes it, for all words that are finished; a suggestion that is taken costs nothing, and neither does a space.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from tokenizers import Tokenizer

from privatune.evaluation.keystrokes import PrefixIndex, prefix_index, type_words
from privatune.evaluation.measure import SUGGESTIONS
from privatune.text.settings import EOS, UNK
from privatune.text.tokenizer import words_of

State = tuple[np.ndarray, ...]
Step = Callable[[np.ndarray, State], tuple[np.ndarray, State]]
"""From ids int64 [time] and the state before them to scores float32 [time, vocabulary] and the state after them."""

_WINDOW = 16  # words that are read at once: their scores take a megabyte for a large vocabulary


class Keyboard(NamedTuple):
    """A language model and its words."""

    tokenizer: Tokenizer
    words: list[str]  # in the order of their ids
    prefixes: PrefixIndex
    ordered: list[str]  # the words that `prefixes.order` names, in that order
    step: Step
    fresh: State  # before the first word


class Line(NamedTuple):
    """A text up to the place where somebody types."""

    words: tuple[tuple[int, int], ...]  # id and number of letters of each finished word; ends of lines have none
    prefix: str  # the letters of the word that is being typed, as the vocabulary writes them
    start: int  # where these begin in the text


class Reading(NamedTuple):
    """What a model has read of a text, and what typing it has cost with this model's suggestions."""

    words: tuple[tuple[int, int], ...]
    state: State
    scores: np.ndarray  # [vocabulary] of the next word
    typed: int  # letters of the words that still had to be typed
    characters: int  # letters that the words have


def keyboard(tokenizer: Tokenizer, step: Step, fresh: State) -> Keyboard:
    """Join a tokenizer and a model that knows its words."""
    words = words_of(tokenizer)
    index = prefix_index(words)
    return Keyboard(tokenizer, words, index, [words[number] for number in index.order], step, fresh)


def split(tokenizer: Tokenizer, text: str) -> Line:
    """Split a text into finished words and the beginning of the word that is being typed, which is empty after a space.

    >>> from privatune.text.settings import TextSettings
    >>> from privatune.text.tokenizer import train_tokenizer
    >>> split(train_tokenizer(["hi"], TextSettings(vocabulary=3)), "Hi, I don'")
    Line(words=((2, 2), (0, 1), (0, 1)), prefix="don'", start=6)
    """
    *ended, last = text.split("\n")
    words: list[tuple[int, int]] = []
    for line in ended:
        words += _words(tokenizer, line)
        words.append((EOS, 0))
    place = _begun(tokenizer, last)
    words += _words(tokenizer, last[:place])
    return Line(tuple(words), tokenizer.normalizer.normalize_str(last[place:]), len(text) - len(last) + place)


def start(model: Keyboard) -> Reading:
    """Return what a model knows before the first word: that a line begins."""
    scores, state = model.step(np.array([EOS]), model.fresh)
    return Reading((), state, scores[-1], 0, 0)


def read(model: Keyboard, words: tuple[tuple[int, int], ...], before: Reading) -> Reading:
    """Read the finished words of a text; where it begins with what was read before, only the rest is read.

    Raises PrivatuneError when a score is not a number.
    """
    known = len(before.words)
    if words[:known] != before.words:
        before, known = start(model), 0
    for first in range(known, len(words), _WINDOW):
        ids, lengths = np.array(words[first : first + _WINDOW], np.int64).T
        scores, state = model.step(ids, before.state)
        of_targets = np.concatenate([before.scores[None], scores[:-1]])
        typed, _ = type_words(of_targets, ids, lengths, model.prefixes, SUGGESTIONS)
        sums = before.typed + int(typed.sum()), before.characters + int(lengths.sum())
        before = Reading(words[: first + len(ids)], state, scores[-1], *sums)
    return before


def suggested(model: Keyboard, scores: np.ndarray, prefix: str, count: int = SUGGESTIONS) -> list[str]:
    """Return the most probable words that begin with the prefix, at most `count`, the best one first.

    Args:
        scores: [vocabulary] of the next word; among equal ones, the lower id comes first.
    """

    def cut(word: str) -> str:
        return word[: len(prefix)]

    low, high = (bisect(model.ordered, prefix, key=cut) for bisect in (bisect_left, bisect_right))
    found = model.prefixes.order[low:high]
    if len(found) > count:  # sorting all words would take longer than the model
        found = found[scores[found] >= np.partition(scores[found], -count)[-count]]
    best = sorted(found.tolist(), key=lambda number: (-scores[number], number))[:count]
    return [model.words[number] for number in best]


def words_in(tokenizer: Tokenizer, text: str) -> list[str]:
    """Return the words of a text as the vocabulary writes them, whether it has them or not."""
    return [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text))]


def _words(tokenizer: Tokenizer, line: str) -> list[tuple[int, int]]:
    """Return id and number of letters of each word; a word outside the vocabulary has as many as the text has."""
    found = tokenizer.encode(line)
    return [
        (number, end - begin if number == UNK else len(word))
        for number, word, (begin, end) in zip(found.ids, found.tokens, found.offsets, strict=True)
    ]


def _begun(tokenizer: Tokenizer, line: str) -> int:
    """Return where the last word of a line begins, or the line's end if that word is finished.

    An apostrophe after letters belongs to them: it may go on as in "don't".
    """
    places: Sequence[tuple[int, int]] = tokenizer.encode(line).offsets
    if not places or places[-1][1] < len(line):
        return len(line)
    begin, end = places[-1]
    if len(places) > 1 and places[-2][1] == begin and tokenizer.normalizer.normalize_str(line[begin:end]) == "'":
        before = places[-2][0]
        if line[before:begin][-1].isalpha():
            return before
    return begin
