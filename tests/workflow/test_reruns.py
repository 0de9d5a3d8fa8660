"""What runs again after a change of each key: exactly what depends on it, as docs/re-runs.csv says."""

import os

import pytest
from matrix import PAGE, page, walk

WRONG = ("runs though it should not", "should run and does not")


@pytest.fixture(scope="module")
def walked():
    """What the walk over all keys finds."""
    return walk(len(os.sched_getaffinity(0)))


def test_what_runs_again_is_what_depends_on_the_key(walked):
    found, _ = walked
    wrong = {key: {name: result[name] for name in WRONG} for key, result in found.items() if result}
    assert {key: jobs for key, jobs in wrong.items() if any(jobs.values())} == {}


# the tiny run has one encoder and one source of private text, so these keys can name nothing else
ALONE = {"private.corpus", "dpzero.encoder", "split.encoder", "split.attribute.source", "dpcompress.encoder"}
ALONE |= {"sources.NAME.role (sources.NAME: files)", "sources.NAME.role (sources.NAME: huggingface)"}


def test_every_key_has_a_place(walked):
    found, nowhere = walked
    assert nowhere == []
    assert {key for key, result in found.items() if result is None} == ALONE, "another value that is accepted"


def test_the_page_says_what_runs_again(walked):
    written, found = (set(text.splitlines()) for text in (PAGE.read_text(), page(walked[0])))
    hint = "run `make docs`, and look at what changed in docs/re-runs.csv"
    assert (sorted(written - found), sorted(found - written)) == ([], []), hint
