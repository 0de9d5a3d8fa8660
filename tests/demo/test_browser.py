"""The keyboard's page in a real Chromium, served by the program: what it counts is the measure of the library."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from privatune.demo.suggest import words_in

pytestmark = pytest.mark.slow  # nothing cheaper starts the program and a browser
LIBRARY = Path(__file__).parents[2] / "workflow_scripts"
SENTENCE = "They don't say that zebras, the cat and 3 dogs sat on this mat then"


@pytest.fixture(scope="module")
def address(export, weights, tmp_path_factory):
    """Where the program serves three models; it ends with one line at Ctrl-C."""
    folder = tmp_path_factory.mktemp("run")
    for name, whole in weights.items():
        export(folder / "export" / name, whole)
    (folder / "sentences.txt").write_text(f"# Ours\n{SENTENCE}\n")
    command = [sys.executable, "-m", "privatune.demo", "export", "--port", "0", "--sentences", "sentences.txt"]
    environment = os.environ | {"PYTHONPATH": str(LIBRARY)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=folder, env=environment, **pipes) as program:
        try:
            first = program.stdout.readline()
            yield re.search(r"http://127\.0\.0\.1:\d+", first)[0]
            program.send_signal(signal.SIGINT)
            assert (program.stdout.read(), program.wait(10)) == ("demo: ended\n", 0)
        finally:
            program.kill()


def both(found):
    """Letters that were typed, and letters that there are, as the page writes them."""
    return [str(int(part)) for part in found]


def counted(page, place):
    """What the page counts: by hand, and with the first (0) or the second keyboard alone."""
    hand = [page.locator(f"#{name}").inner_text() for name in ("typed", "characters")]
    return hand, [page.locator(f".{name}").nth(place).inner_text() for name in ("typed", "characters")]


def settled(page):
    """Wait until the page has the answer to the last key."""
    page.locator("#cards[aria-busy=false]").wait_for()


def suggestions(page):
    return page.locator(".active .keys button")


def test_typing_by_hand_counts_what_the_library_measures(address, visit, weights, measured, tokenizer):
    """At 400 pixels, by real keys; each word is taken as soon as it is suggested, by Tab or by tap."""
    page = visit(address, 400, has_touch=True)
    settled(page)
    taken, typed = set(), ""
    for word in words_in(tokenizer, SENTENCE):
        for letter in [*word, " "]:
            offered = suggestions(page).all_inner_texts()
            if word in offered:
                place = offered.index(word)
                page.keyboard.press("Tab") if place == 0 else suggestions(page).nth(place).tap()
                taken.add(place)
                break
            page.keyboard.type(letter)
            settled(page)
        typed += f"{word} "
        expect(page.locator("#text")).to_have_value(typed)
        settled(page)
    assert taken >= {0, 1}
    assert counted(page, 1) == (both(measured(weights["averaging"], SENTENCE)),) * 2
    assert counted(page, 0)[1] == both(measured(weights["general"], SENTENCE))
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_a_replay_counts_what_the_library_measures(address, visit, weights, measured):
    """With each keyboard in turn, and with a private model whose epsilon and delta the page shows."""
    page = visit(address, 1400, color_scheme="dark")
    page.locator(".model").nth(1).select_option("private")
    assert "Epsilon 0.5 at delta 0.0001, for one person" in page.locator(".about").nth(1).inner_text()
    assert "saw no private text" in page.locator(".about").nth(0).inner_text()
    page.locator("#pace").select_option("0")
    for place, name in enumerate(["general", "private"]):
        page.locator("[name=active]").nth(place).check()
        page.locator("#replay").click()
        typed, characters = both(measured(weights[name], SENTENCE))
        saved = f"{100 * (1 - int(typed) / int(characters)):.1f} %"
        expect(page.locator("#said")).to_contain_text(f"{name}: {saved} of the keystrokes saved")
        expect(page.locator("#clear")).to_be_enabled()
        assert counted(page, place) == ([typed, characters],) * 2
        assert page.locator("#saved").inner_text() == saved
    page.locator("#clear").click()
    settled(page)
    assert counted(page, 0) == (["0", "0"], ["0", "0"])


def test_what_hands_do_between_two_keys(address, visit):
    """Letters keep their case, deletions count, a suggestion goes where the caret is, and Escape gives Tab back."""
    page = visit(address, 400)
    text = page.locator("#text")
    settled(page)
    page.keyboard.type("Tha")
    settled(page)
    word = suggestions(page).first.inner_text()
    assert word in ("that", "thank")
    page.keyboard.press("Tab")
    expect(text).to_have_value(f"{word.capitalize()} ")
    page.keyboard.press("Backspace")
    page.keyboard.press("Home")
    settled(page)
    first = suggestions(page).first.inner_text()
    page.keyboard.press("Tab")
    expect(text).to_have_value(f"{first} {word.capitalize()}")
    assert page.locator("#typed").inner_text() == "4", "three letters and a deletion"
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(text).not_to_be_focused()
    text.fill("")
    settled(page)
    assert page.locator("#typed").inner_text() == "0"
