"""What every test shares."""

import gc
import os
import shutil

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as every job does, before torch loads

# The same examples in every run, however slow or busy the machine: few in `make check`, which is to take a minute, and
# many in every other run
settings.register_profile("many", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("few", settings.get_profile("many"), max_examples=10)
settings.load_profile("many")


# what is imported and collected stays: looking for garbage among it would take a third of the time until the first test
gc.disable()


def pytest_collection_finish():
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    gc.enable()


LONGEST = ["test_reruns", "test_tiny_run", "test_slurm", "test_faults"]  # minutes each


def pytest_collection_modifyitems(config, items):
    """Where processes share the tests, file by file, the longest go first, or one of them would end alone."""
    if hasattr(config, "workerinput"):
        order = {name: place for place, name in enumerate(LONGEST)}
        items.sort(key=lambda item: (order.get(item.path.stem, len(LONGEST)), item.path.parent.name != "workflow"))


@pytest.fixture(scope="session")
def damaged():
    """A function of hypothesis's `data` that changes one byte, cuts the end off or puts something in, anywhere."""

    def damage(data, whole):
        where = data.draw(st.integers(0, len(whole) - 1), label="where")
        match data.draw(st.sampled_from(["flip", "cut", "more"])):
            case "flip":
                return whole[:where] + bytes([whole[where] ^ data.draw(st.integers(1, 255))]) + whole[where + 1 :]
            case "cut":
                return whole[:where]
        return whole[:where] + data.draw(st.binary(min_size=1, max_size=9)) + whole[where:]

    return damage


CHROMIUM = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser():
    """A real Chromium without a window."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(CHROMIUM)} is installed (Debian: apt install chromium-headless-shell)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium has none for root
        started = driver.chromium.launch(executable_path=found, args=sandbox)
        yield started
        started.close()


@pytest.fixture
def visit(browser):
    """A function that opens an address in a window of some width; the test fails if a page has said an error."""
    said, contexts = [], []

    def visit(address, width, **settings):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **settings))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("requestfailed", lambda request: said.append(request.url))
        page.goto(address)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert said == []
