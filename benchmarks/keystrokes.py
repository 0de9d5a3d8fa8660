"""Time the kernel for keystrokes saved, with 20,000 words on one core, against sorting all matching words.

`make bench` runs it: python benchmarks/keystrokes.py. It writes results/benchmarks/keystrokes.csv.
"""

from statistics import median
from time import perf_counter

import numpy as np
from common import write_rows

from privatune.core.streams import stream
from privatune.evaluation.keystrokes import prefix_index, type_words

WORDS, TOKENS, RUNS, SHOWN = 20_000, 2_000, 5, 3
CONSONANTS, VOWELS = list("bcdfghklmnprstvwz"), list("aeiou")


def words() -> list[str]:
    """Pronounceable words, so that many begin alike and some are the beginning of others."""
    draw = stream(0, "benchmark words")
    found: dict[str, None] = {}
    while len(found) < WORDS - 2:
        syllables = [draw.choice(CONSONANTS) + draw.choice(VOWELS) for _ in range(draw.integers(1, 6))]
        found["".join(syllables)] = None
    return ["<unk>", "<eos>", *found]


def work(spread: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of a model and targets drawn from it; with `spread` 0 it knows only the frequencies of words."""
    draw = stream(0, "benchmark scores", str(spread))
    scores = draw.normal(0, spread, (TOKENS, WORDS)) - np.log(1 + np.arange(WORDS))
    targets = (scores + draw.gumbel(size=scores.shape)).argmax(1)
    return scores.astype(np.float32), targets, np.full(TOKENS, 6, np.uint8)


def plain(scores: np.ndarray, targets: np.ndarray, lengths: np.ndarray, found: list[str]) -> np.ndarray:
    """Letters typed for each token: after each letter, sort the matching words by score."""
    matching: dict[str, list[int]] = {}
    for number, word in enumerate(found[2:], 2):
        for letters in range(len(word) + 1):
            matching.setdefault(word[:letters], []).append(number)
    ids = {prefix: np.array(numbers) for prefix, numbers in matching.items()}
    typed = np.zeros(len(targets), np.int32)
    for i, target in enumerate(targets):
        if target == 1:
            continue
        typed[i] = lengths[i] if target == 0 else len(found[target])
        for letters in range(len(found[target]) if target else 0):
            candidates = ids[found[target][:letters]]
            shown = candidates[np.argsort(-scores[i, candidates], kind="stable")[:SHOWN]]
            if target in shown:
                typed[i] = letters
                break
    return typed


def main() -> None:
    """Time both and write a row for each kind of model."""
    found = words()
    start = perf_counter()
    index = prefix_index(found)
    print(f"index of {WORDS} words: {perf_counter() - start:.2f} s")
    start = perf_counter()
    type_words(np.zeros((1, WORDS), np.float32), np.array([2]), np.array([1]), index)
    print(f"first call (compiles, or loads the compiled code): {perf_counter() - start:.2f} s")
    rows = []
    for name, spread in (("frequencies", 0.0), ("model", 2.0)):
        scores, targets, lengths = work(spread)
        ours, baseline = [], []
        for _ in range(RUNS):
            start = perf_counter()
            typed, _ = type_words(scores, targets, lengths, index, SHOWN)
            ours.append(TOKENS / (perf_counter() - start))
            start = perf_counter()
            expected = plain(scores, targets, lengths, found)
            baseline.append(TOKENS / (perf_counter() - start))
            if not np.array_equal(typed, expected):
                raise SystemExit(f"{name}: the results differ")
        fast, slow = median(ours), median(baseline)
        rows.append((f"keystrokes, {WORDS} words, {name}", fast, slow, "tokens/s", fast / slow, RUNS))
    write_rows("keystrokes", rows)


if __name__ == "__main__":
    main()
