"""What is seen before anything trains, on made-up texts that are odd in one way each."""

import numpy as np
import pandas as pd
import pytest
import yaml
from rich.console import Console

from privatune.core.files import write_json
from privatune.core.merging import merged
from privatune.core.tensors import save_tensors
from privatune.core.written import LOADER
from privatune.experiment import experiment
from privatune.planning.concerns import concerns
from privatune.planning.jobs import Job
from privatune.planning.overview import WIDTH, overview
from privatune.planning.plan import Forecast
from privatune.planning.preflight import guarantees, preflight
from privatune.stages.work import Texts
from privatune.text.streams import write_stream

WORDS = 500
JOBS = [Job("main", inputs=("comparison.csv",)), Job("split")]
FORECAST = Forecast(
    JOBS, {("split",)}, {}, {}, {}, pd.DataFrame(), Texts({}, 0, 0, 0), {}, "a machine"
)  # no job has work


@pytest.fixture(scope="module")
def configured(pytestconfig):
    """A function that makes the default experiment with some values changed."""
    config = yaml.load((pytestconfig.rootpath / "config/config.yaml").read_text(), LOADER)
    small = {"text": {"vocabulary": WORDS}, "compression": {"vocabulary": 50}}
    small |= {"dpfedavg": {"training": {"vocabulary": 50}, "run": ["fedavg"], "seeds": [0, 1]}}
    small |= {"dpzero": {"sets": ["trec"]}, "split": {"set": "trec", "public": "imdb"}}
    return lambda **changed: experiment(merged(merged(config, small), changed))


@pytest.fixture
def look(configured, tmp_path):
    """A function that writes a text of a few sizes, and gives what `preflight` finds and the concerns."""

    def looked(persons=200, line=20, unknown=0.05, labels=((300, 300), (50, 50), (200, 200)), **changed):
        e, rng = configured(**changed), np.random.default_rng(0)

        def stream(name, units, lines, corpus):
            def blocks():
                for i in range(units):
                    ids = rng.integers(2, WORDS, (lines, line))
                    ids[rng.random(ids.shape) < unknown] = 0
                    ids[:, -1] = 1
                    yield f"u{i}", ids.ravel(), np.ones(ids.size, np.uint8)

            counts = {"corpus": corpus, "part": name.split("-")[1], "units": units, "tokens": units * lines * line}
            counts |= {"lines": units * lines, "types": 9, "unknown": int(unknown * units * lines * line)}
            write_stream(tmp_path / name, blocks(), WORDS, {"corpora": [counts]})
            return str(tmp_path / name)

        streams = {f"general-{part}": (100, 40, "sotu") for part in ("train", "valid", "test")}
        streams |= {f"private-{part}": (persons, 60, "private") for part in ("train", "later", "heldout")}
        out = {"persons_below_min_words": 7, "persons_over_max_persons": 0}
        write_json(tmp_path / "persons", {"persons": {"train": persons, "heldout": persons}, "left_out": out})
        write_json(tmp_path / "chat", {"rows": 90, "rows_read": 100, "dropped": {"max_repeats": 10}})
        n = dict(zip(("train", "validation", "test"), map(list, labels), strict=True))
        save_tensors(tmp_path / "trec", {"ids": np.zeros(1, np.int64)}, {"n": n, "cut": 0})
        files = {
            "manifests": {"chat": str(tmp_path / "chat")},
            "persons": str(tmp_path / "persons"),
            "streams": {name: stream(name, *sizes) for name, sizes in streams.items()},
            "sentences": {"trec": str(tmp_path / "trec")},
        }
        found = preflight(e, FORECAST, files, ["main", "split"], 1)
        return found, concerns(e, found)

    return looked


def keys(found, fails):
    return {concern.key for concern in found if concern.fails == fails}


def test_text_that_is_not_odd_raises_no_concern(look):
    found, concerned = look(dpfedavg={"run": ["dp"]})
    assert concerned == []
    assert [row["name"] for row in found["samples"]] == ["general", "user", "later"]
    assert [row["drawn"] for row in found["samples"]] == [15_000, 14_800, 4_800], "up to one chunk less than asked for"
    assert found["sentences"][0]["error"] == pytest.approx(50 / 20)
    (row,) = found["guarantees"]
    assert row["variant"] == "dp" and 0 < row["epsilon"] < 10 and row["delta"] == pytest.approx(1 / 2000)
    assert [(row["jobs"], row["to_do"]) for row in found["targets"]] == [(1, 0), (1, 1)]


def test_odd_input_three_persons(look):
    """Cohorts cannot be drawn, and neither can anybody's guarantee be stated."""
    found, concerned = look(persons=3, dpfedavg={"run": ["dp"]})
    assert keys(concerned, True) == {
        *(f"scenarios.averaging-{name}.cohort.size" for name in ("rehearsal", "plain", "control")),
        *(f"scenarios.server-distill-{name}.cohort.size" for name in ("real", "generated", "generated-5")),
        "scenarios.averaging-rehearsal.cohort.size, plus one for `tail`",
        "compression.cohort.size",
        "dpfedavg.variants.dp",
    }
    assert keys(concerned, False) == {"private.min_words", "evaluation.user_tokens", "evaluation.later_tokens"}
    assert found["guarantees"] == [] and "lower it" in next(c.text for c in concerned if c.fails)
    fails = [concern.fails for concern in concerned]
    assert fails == sorted(fails, reverse=True), "what fails comes first"


def test_odd_input_short_texts_in_another_language(look):
    found, concerned = look(line=4, unknown=0.9)  # a person has 240 words, fewer than a chunk
    assert keys(concerned, True) == set()
    assert "general.corpora" in keys(concerned, False)
    assert all(row["drawn"] % 250 for row in found["samples"] if row["name"] != "general")


def test_odd_input_sentences_of_nearly_one_label(look):
    changed = {"dpzero": {"privacy": {"delta": 0.01}}, "sentences": {"trec": {"shots": None}}}
    _, concerned = look(labels=((40, 3), (10, 1), (20, 1)), **changed)
    batches = {key for key in keys(concerned, True) if key.endswith(".batch")}
    assert "dpzero.methods.zeroth-1.batch" in batches and "dpzero.methods.probe.batch" not in batches
    assert keys(concerned, True) - batches == {"dpzero.privacy.delta"}
    assert keys(concerned, False) == {"sentences.trec.test_share", "sentences.trec.source"}
    assert sum(concern.key == "sentences.trec.source" for concern in concerned) == 2, "few of a label, and one for most"


def test_a_machine_that_is_too_small_is_named(look, configured):
    found, _ = look()
    found["targets"][1] |= {"memory_mb": 1e9, "disk_bytes": 1e18}
    assert keys(concerns(configured(), found), True) == {"split", "output"}


def test_a_single_seed_and_much_epsilon_mean_little(look):
    weak = {"privacy": {"noise_multiplier": 0.2, "sampling": "fixed"}}
    _, concerned = look(dpfedavg={"variants": {"weak": weak}, "run": ["weak"], "seeds": [0]})
    assert keys(concerned, False) == {"dpfedavg.variants.weak.privacy", "dpfedavg.seeds"}
    assert all("delta" in concern.text for concern in concerned if "epsilon" in concern.text)


def test_a_rule_that_drops_nearly_everything_is_named(look, configured):
    found, _ = look()
    found["sources"]["chat"] = {"rows": 1, "rows_read": 100, "dropped": {"empty": 5, "max_repeats": 94}}
    (concern,) = concerns(configured(), found)
    assert concern.key == "cleaning" and "`max_repeats` drops 94 of the 100 rows of `chat`" in concern.text


def test_the_screen_has_its_width_and_says_all(look):
    found, concerned = look(persons=3)
    console = Console(width=WIDTH)
    with console.capture() as capture:
        for part in overview(found, concerned):
            console.print(part)
    screen = capture.get()
    assert max(map(len, screen.splitlines())) <= WIDTH
    for part in ("Will fail", "Will mean little", "90 of 100 rows are kept; dropped: 10 by max_repeats", "7 below"):
        assert part in screen
    assert screen.index("Will fail") < screen.index("compression.cohort.size") < screen.index("Will mean little")


def test_the_error_of_a_sample_falls_with_its_size(look):
    errors = []
    for tokens in (4_000, 100_000):
        found, _ = look(evaluation={"user_tokens": tokens})
        errors.append(next(row["error"] for row in found["samples"] if row["name"] == "user"))
    assert 2 < errors[0] / errors[1] < 12, "as the root of the number of chunks, about: 5"


def test_secret_variants_are_told_apart(configured):
    privacy = {"privacy": {"clip": 1, "noise_multiplier": 1, "secure": True}}
    e = configured(dpfedavg={"variants": {"hidden": privacy}, "run": ["hidden"]})
    ((row,), refused) = guarantees(e, 1000)
    assert row["secure"] and refused == []


def test_a_sample_of_one_chunk_has_no_error(look):
    found, _ = look(persons=1, line=4)
    assert [row["error"] for row in found["samples"] if row["name"] != "general"] == [None, None]
