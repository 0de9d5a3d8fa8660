"""The keyboard's page in a real Chromium, served by the program: what it counts is the measure of the library."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from privatune.demo.suggest import split, words_in
from privatune.evaluation.keystrokes import prefix_index
from privatune.evaluation.measure import Sample, score
from privatune.text.settings import EOS
from privatune.text.tokenizer import words_of

pytestmark = pytest.mark.slow  # nothing cheaper starts the program and a browser
LIBRARY = Path(__file__).parents[2] / "workflow_scripts"
SENTENCE = "They don't say that zebras, the cat and 3 dogs sat on this mat then"


@pytest.fixture
def address(export, weights, tmp_path):
    """Where the program serves three models; it ends with one line at Ctrl-C."""
    for name, whole in weights.items():
        export(tmp_path / "export" / name, whole)
    (tmp_path / "sentences.txt").write_text(f"# Ours\n{SENTENCE}\n")
    command = [sys.executable, "-m", "privatune.demo", "export", "--port", "0", "--sentences", "sentences.txt"]
    environment = os.environ | {"PYTHONPATH": str(LIBRARY)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes) as program:
        try:
            first = program.stdout.readline()
            yield re.search(r"http://127\.0\.0\.1:\d+", first)[0]
            program.send_signal(signal.SIGINT)
            assert (program.stdout.read(), program.wait(10)) == ("demo: ended\n", 0)
        finally:
            program.kill()


def measured(weights, tokenizer):
    """Letters that the sentence takes, and letters that it has: one chunk that follows the end of a line."""
    ids, lengths = np.array([(EOS, 0), *split(tokenizer, f"{SENTENCE} ").words]).T
    drawn = Sample(ids[None], lengths[None], np.array([len(ids)]), np.zeros(1, int))
    found = score(weights, drawn, prefix_index(words_of(tokenizer)))
    return [str(int(part[0])) for part in (found.typed, found.characters)]


def counted(page, place):
    """What the page counts: by hand, and with the first (0) or the second keyboard alone."""
    hand = [page.locator(f"#{name}").inner_text() for name in ("typed", "characters")]
    return hand, [page.locator(f".{name}").nth(place).inner_text() for name in ("typed", "characters")]


def settled(page):
    page.wait_for_function("answers && answers.said === text.value")


def test_typing_by_hand_counts_what_the_library_measures(address, visit, weights, tokenizer):
    """At 400 pixels, by real keys; a word is taken as soon as it is suggested, by Tab if it is the first, else by tap."""
    page = visit(address, 400, has_touch=True)
    settled(page)
    taken = set()
    for word in words_in(tokenizer, SENTENCE):
        for letter in [*word, " "]:
            offered = page.locator(".active .keys button").all_inner_texts()
            if word in offered:
                place = offered.index(word)
                taken.add(place)
                page.keyboard.press("Tab") if place == 0 else page.locator(".active .keys button").nth(place).tap()
                page.wait_for_function("word => text.value.endsWith(word + ' ')", arg=word)
                settled(page)
                break
            page.keyboard.type(letter)
            settled(page)
    assert {0} < taken
    assert page.locator("#text").input_value() == " ".join(words_in(tokenizer, SENTENCE)) + " "
    assert counted(page, 1) == (measured(weights["averaging"], tokenizer),) * 2
    assert counted(page, 0)[1] == measured(weights["general"], tokenizer)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_a_replay_counts_what_the_library_measures(address, visit, weights, tokenizer):
    """With each keyboard in turn, and with a private model whose epsilon and delta the page shows."""
    page = visit(address, 1400, color_scheme="dark")
    page.locator(".model").nth(1).select_option("private")
    assert "Epsilon 0.5 at delta 0.0001, for one person" in page.locator(".about").nth(1).inner_text()
    assert "saw no private text" in page.locator(".about").nth(0).inner_text()
    page.locator("#pace").select_option("0")
    for place, name in enumerate(["general", "private"]):
        page.locator("[name=active]").nth(place).check()
        page.locator("#replay").click()
        page.wait_for_function("said.textContent && !replaying", timeout=10_000)
        typed, characters = measured(weights[name], tokenizer)
        assert counted(page, place) == ([typed, characters],) * 2
        saved = f"{100 * (1 - int(typed) / int(characters)):.1f} %"
        assert page.locator("#saved").inner_text() == saved and f"{name}: {saved}" in page.locator("#said").inner_text()
    page.locator("#clear").click()
    settled(page)
    assert counted(page, 0) == (["0", "0"], ["0", "0"])


def test_what_hands_do_between_two_keys(address, visit):
    """Letters keep their case, deletions count, a suggestion goes where the caret is, and Escape gives Tab back."""
    page = visit(address, 400)
    settled(page)
    page.keyboard.type("Tha")
    settled(page)
    assert page.locator(".active .keys button").all_inner_texts()[0] in ("that", "thank")
    page.keyboard.press("Tab")
    page.wait_for_function("text.value.endsWith(' ')")
    word = page.locator("#text").input_value()
    assert word in ("That ", "Thank ")
    page.keyboard.press("Backspace")
    page.keyboard.press("Home")
    settled_at = "answers.said === text.value.slice(0, text.selectionStart)"
    page.wait_for_function(settled_at)
    first = page.locator(".active .keys button").first.inner_text()
    page.keyboard.press("Tab")
    page.wait_for_function("word => text.value === word", arg=f"{first} {word.strip()}")
    assert page.locator("#typed").inner_text() == "4", "three letters and a deletion"
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement !== text")
    page.locator("#text").fill("")
    settled(page)
    assert page.locator("#typed").inner_text() == "0"
