"""The page: what each system says of made-up tables, the explorer's frontier, and one file that needs nothing else."""

import json
import re
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest
import vl_convert
from playwright.sync_api import expect

from privatune.core.errors import PrivatuneError
from privatune.core.files import write_json
from privatune.report.intervals import Interval
from privatune.report.page.changed import changed
from privatune.report.page.explorer import ANY, explorer
from privatune.report.page.render import costs, differing, render
from privatune.report.page.said import COSTS, Model, plain, point
from privatune.report.page.section import PARTS, section

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "report/page.html.jinja"
CLAIM = "system claim paper ours low high rule verdict unit n needed recalled sources p p_holm verdict_holm".split()
CLAIMS = pd.DataFrame(
    [
        [
            "A 2020",
            "a < b & <script>",
            1.0,
            0.5,
            0.1,
            0.9,
            "holds if",
            "holds",
            "%",
            3,
            None,
            False,
            "",
            0.1,
            0.1,
            "holds",
        ],
        ["A 2020", "c", None, 0.5, 0.1, 0.9, "holds if", "undecided", "%", 3, 9, True, "", 0.1, 0.1, "undecided"],
    ],
    columns=CLAIM,
)
RESAMPLED = "1 2 3"


def language_models():
    """Rows of the tables comparison and replicates: the general model, one device, and averaging in two rounds."""
    rows = []
    for scenario, number, general, user in (
        ("initial", 0, 200, 400),
        ("device-plain", 1, 400, 250),
        ("averaging-rehearsal", 1, 210, 300),
        ("averaging-rehearsal", 4, 205, 150),
    ):
        for seed in (0, 1) if number else (0,):
            average = (general + user) / 2 + seed
            made = {"scenario": scenario, "seed": seed, "round": number, "ppl_general": general, "ppl_user": user}
            made |= {
                "ppl_average": average,
                "kss_user": 50 + number,
                "bits_up": 8e6 * number,
                "bits_down": 8e6 * number,
            }
            made |= {f"ppl_{text}_resampled": RESAMPLED for text in ("general", "user", "average")}
            made |= {"ppl_average_se": 9.0, "kss_user_se": 1.0, "clusters_general": 20, "clusters_user": 30}
            made |= {
                f"paper_ppl_{text}": value
                for text, value in (("general", 100), ("user", 300 - number), ("average", 190))
            }
            rows.append(made)
    return pd.DataFrame(rows)


def classifiers():
    """Rows of the table dpzero_accuracy: a set with an untrained answer, a private method and its twin."""
    shared = {"set": "trec", "n": 4000, "majority": 22.0, "zero_shot": 44.0}
    trained = {"method": "zeroth", "steps": 500, "seeds": 10, "sources": "seeds", "bytes_per_step": 12}
    best = {"epsilon": 2.0, "delta": 2.4e-5, "adjacency": "zero out one"}
    return pd.DataFrame(
        [
            shared | {"name": "majority class", "accuracy": 22.0},
            shared | trained | {"name": "MeZO", "accuracy": 60.0, "accuracy_low": 59.0, "accuracy_high": 61.0},
            shared | trained | best | {"name": "DPZero", "accuracy": 50.0, "accuracy_low": 48.0, "accuracy_high": 52.0},
            shared | trained | best | {"method": "probe", "name": "DP linear probe", "accuracy": 81.0},
        ]
    )


def sendings():
    """Rows of the table split: the embedding without and with noise, and a block."""
    return pd.DataFrame(
        {
            "split_after": [0, 0, 2],
            "kappa": [None, 0.3, 0.5],
            "importance": "none",
            "guarantee": ["none", "per token", "none"],
            "seed": 0,
            "n": 70,
            "accuracy": [80.0, 79.5, 60.0],
            "accuracy_validation": [80.0, 79.5, 60.0],
            "accuracy_resampled": RESAMPLED,
            "clusters": 30,
            "empirical_privacy": [0.0, 0.4, 0.9],
            "validation_empirical_privacy": [0.0, 0.4, 0.9],
            "best": "ridge map, then nearest",
            "chance": 0.05,
            "majority": 50.0,
        }
    )


def private_models():
    """Rows of the table comparison_dpfedavg: public text, without noise, and with an epsilon."""
    return pd.DataFrame(
        {
            "scenario": ["ngram-general", "fedavg", "fedavg", "private", "private"],
            "seed": [0, 0, 1, 0, 1],
            "epsilon": [None, None, None, 0.5, 0.5],
            "delta": [None, None, None, 1e-4, 1e-4],
            "adjacency": [None, None, None, *["zero out one"] * 2],
            "noise_multiplier": [None, 0, 0, 1, 1],
            "covered": ["public text", "no", "no", "yes", "yes"],
            "population": [None, 200, 200, 200, 200],
            "bits_up": [None, 8e6, 8e6, 8e6, 8e6],
            "bits_down": [None, 8e6, 8e6, 8e6, 8e6],
            "recall1_user": [8.0, 13.0, 14.0, 7.5, 8.5],
            "ppl_user": [400, 140, 150, 330, 320],
        }
    )


def sent():
    """Rows of the table compression: averaging, which sends little, and gradients, which end lower."""
    rows = []
    for method, mode, ppl, bits in (("averaging", "averaging", 96, 8e6), ("gradient", "gradient", 95, 8e8)):
        for seed in (0, 1):
            for step in (0, 1, 2):
                made = {
                    "method": method,
                    "mode": mode,
                    "codec": "dense",
                    "download": "dense",
                    "memory": "",
                    "seed": seed,
                }
                made |= {"steps": step, "ppl_average": ppl + 10 * (2 - step) + seed}
                rows.append(made | {"bits_up": bits * step, "bits_down": bits * step})
    return pd.DataFrame(rows)


TABLES = {
    "comparison": language_models(),
    "replicates": language_models(),
    "client_costs": pd.DataFrame({"scenario": ["averaging-rehearsal"], "seconds": [4.0], "peak_memory_mb": [540.0]}),
    "corpora": pd.DataFrame(
        {"corpus": ["wiki", "private", "private"], "part": ["train", "train", "heldout"], "units": [9, 190, 56],
         "tokens": [10**6, 500_000, 10**5]}
    ),
    "tail": pd.DataFrame({"pair": [0, 0], "verdict": ["rejected", "not rejected"]}),
    "compression": sent(),
    "comparison_dpfedavg": private_models(),
    "accounting": pd.DataFrame(
        {"source": "ours", "sampling": "poisson", "adjacency": "zero out one", "population": [2e6, 4e6],
         "delta": [5e-8, 2.5e-8], "accountant": "pld", "epsilon": [5.8, 3.2]}
    ),
    "ledger": pd.DataFrame({"model": ["private", "all"], "epsilon_so_far": [0.5, float("inf")], "delta": 1e-4}),
    "dpzero_accuracy": classifiers(),
    "memory": pd.DataFrame(
        {"method": ["DPZero"], "path": ["in place"], "parameters": [9], "memory_over_inference": [1.01],
         "seconds_over_inference": [2.0]}
    ),
    "dpcompress": classifiers().assign(nonzero=[None, 10, 10, 5], bytes_int8=[None, None, 2e7, None], seconds_int8=0.1),
    "split": sendings(),
}  # fmt: skip
ROOMS = {
    "main": "popov.main_page",
    "popov": "popov.page",
    "compression": "compression.page",
    "dpfedavg": "dpfedavg.page",
    "dpzero": "dpzero.page",
    "split": "split.page",
    "dpcompress": "dpcompress.page",
}
ROOMS = {name: f"privatune.systems.{room}" for name, room in ROOMS.items()}
ANSWERS = {
    "main": "averaging rehearsal after 4 rounds: 178 [",
    "popov": "2 of 3 models with replicates have a lower average perplexity",
    "compression": "averaging, step 2 ends at an average perplexity of 96.5 [",
    "dpfedavg": "8.0 [1.6, 14.4] % at epsilon 0.5 (delta 0.0001); without an epsilon it is 8.0 % (ngram general)",
    "dpzero": "at epsilon 2 (delta 2.4e-05) DP linear probe is best with 81.0 %, and DPZero has 50.0 [48.0, 52.0] %",
    "dpcompress": "of those with fewer weights it is DP linear probe, with 81.0 % and 50 % of the weights.",
    "split": "Sent as (embedding, kappa 0.3), 40.0 % of the tokens are hidden",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A function that gives the section of a target, made from the tables above, with a table of claims."""
    folder = tmp_path_factory.mktemp("tables")
    CLAIMS.to_csv(folder / "claims.csv", index=False)

    def told(name, tables=TABLES, differs=None):
        part = import_module(ROOMS[name])
        for table in part.TABLES:
            tables[table].to_csv(folder / f"{table}.csv", index=False)
        files = {table: folder / f"{table}.csv" for table in part.TABLES} | {"claims_it": folder / "claims.csv"}
        about = {
            "name": name,
            "sizes": {"seeds": "0, 1", "hash": "f" * 64},
            "differs": differs or {},
            "tables": ["it"],
            "figures": [],
        }
        return section(ROOMS[name], about, files)

    return told


@pytest.mark.parametrize("name", ROOMS)
def test_each_system_answers_by_its_rule_and_quotes_no_text(told, tmp_path, name):
    made = told(name)
    assert made.keys() == PARTS
    assert ANSWERS[name] in made["answer"]
    assert made["verdicts"] == [{"holds": 1, "undecided": 1}]
    for picture in made["pictures"]:
        assert picture["spec"]["description"] == picture["instead"] and picture["spec"]["width"] == "container"
    assert {*COSTS, "task", "quality", "low", "high", "delta"} <= (made["models"] or [point(model())])[0].keys()
    assert "recovered" not in import_module(ROOMS[name]).TABLES, "its text is public, but long"
    write_json(tmp_path / "part.json", made)  # refuses what JSON cannot hold


@pytest.mark.parametrize("name", ["compression", "dpzero", "dpcompress", "split"])
def test_a_table_without_rows_is_said_so(told, name):
    made = told(name, {table: frame.head(0) for table, frame in TABLES.items()})
    assert made["models"] == [] and made["table"]["rows"] == []


def model(**changes):
    return Model(**{"task": "t", "name": "m", "quality": Interval(1.0, 0.5, 1.5, 3), "better": "lower"} | changes)


def test_an_epsilon_without_its_delta_is_refused():
    with pytest.raises(ValueError, match="means nothing without its delta"):
        model(epsilon=1.0)
    rows = costs([point(model(epsilon=1.0, delta=1e-5)) | {"system": "s"}])
    assert rows["rows"][0] == ["s", "m", "t", "1.0 [0.5, 1.5]", "3", "1 (delta 1e-05)", "none"]


@pytest.mark.parametrize(("better", "front"), [("lower", {"cheap", "good"}), ("higher", {"cheap", "dear"})])
def test_the_frontier_holds_the_models_that_no_other_beats(better, front):
    """Drawn by Vega itself: only models on the frontier are named, and those that cost nothing are a level."""
    points = {"cheap": (1, 10), "good": (5, 3), "dear": (100, 20), "worse": (7, 10)}
    models = [
        model(name=name, quality=Interval(float(ppl), ppl - 1.0, ppl + 1.0, 3), better=better, megabytes=float(cost))
        for name, (cost, ppl) in points.items()
    ]
    models += [model(task="another", name="elsewhere", megabytes=1.0), model(name="unknown")]
    drawn = explorer([point(one) for one in models]).properties(width=600).to_dict()
    svg = vl_convert.vegalite_to_svg(plain(drawn), vl_version="6.4")
    assert front == set(re.findall(r">(cheap|good|dear|worse|elsewhere|unknown)<", svg))


def test_limits_are_chosen_among_numbers_that_leave_some_models_out():
    made = explorer([point(model(megabytes=cost)) for cost in (0.0, 2.0, 50.0)]).to_dict()
    (limit,) = (param for param in made["params"] if param["name"] == "max_megabytes")
    assert limit["bind"]["options"] == [ANY, 3, 10, 30] and limit["bind"]["labels"][0] == "any"


class Page(HTMLParser):
    """What a page holds: whether each element is closed, which addresses it names, its text and its ids."""

    EMPTY = {"meta", "link", "br", "img", "input", "hr"}

    def __init__(self, text):
        super().__init__()
        self.open, self.addresses, self.text, self.ids = [], [], "", []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.addresses += [attributes[name] for name in ("src", "href") if name in attributes]
        self.ids += [attributes["id"]] if "id" in attributes else []
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] not in (["script"], ["style"]):
            self.text += data


@pytest.fixture(scope="module")
def page(told, tmp_path_factory):
    """The page of all systems but split, as text and as a `Page`."""
    folder = tmp_path_factory.mktemp("page")
    names = [name for name in ROOMS if name not in ("dpcompress", "split")]
    for name in names:
        write_json(folder / f"{name}.json", told(name, differs={"seeds": "[0, 1]"} if name != "main" else {}))
    text = render([folder / f"{name}.json" for name in names], TEMPLATE, {"split": ROOMS["split"]}, "cpu")
    return text, Page(text)


def test_the_page_is_one_small_file_that_asks_for_nothing(page):
    text, read = page
    assert len(text.encode()) < 2e6 and read.open == []
    assert all(re.match(r"#|tables/|figures/", address) for address in read.addresses), "relative files and its parts"
    inside = {address[1:] for address in read.addresses if address.startswith("#")}
    assert inside <= set(read.ids) and len(read.ids) == len(set(read.ids))
    head = text.partition("<body>")[0]
    assert not [word for word in ("@import", "url(", "XMLHttpRequest().open", "fonts.googleapis") if word in head]
    specs = dict(re.findall(r'<script type="application/json" id="([^"]+)">(.*?)</script>', text))
    assert all(json.loads(specs[name])["description"] for name in re.findall(r'data-spec="([^"]+)"', text))


def test_the_page_names_what_was_not_run_and_escapes_what_it_shows(page):
    text, read = page
    assert "snakemake --cores all split" in read.text
    assert "<script>" not in read.text.replace("a < b & <script>", "") and "a &lt; b &amp; &lt;script&gt;" in text
    assert "Of 2 claims, 1 hold, 1 are undecided" in read.text
    assert "popov, compression, dpfedavg, dpzero" in read.text, "which parts a differing key concerns"


def test_the_page_of_an_unfinished_run_says_so(monkeypatch):
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda *_: "")  # it takes seconds
    text = render([], TEMPLATE, ROOMS, "cpu")
    assert "No system is finished yet." in text and text.count("snakemake --cores all") == len(ROOMS)


def test_a_note_is_on_the_page_and_above_every_chart(told, tmp_path, monkeypatch):
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda *_: "")
    for name in ("main", "split"):
        write_json(tmp_path / f"{name}.json", told(name))
    files = [tmp_path / "main.json", tmp_path / "split.json"]
    for note in ("Tiny sizes & nothing more.", None):
        text = render(files, TEMPLATE, {}, "cpu", note)
        specs = re.findall(r'<script type="application/json" id="[^"]*">(.*?)</script>', text)
        assert len(specs) >= 3 and {json.loads(spec).get("title") for spec in specs} == {note}
        assert ("Tiny sizes &amp; nothing more.</p>" in text) == bool(note)


def test_a_section_of_another_version_is_named(tmp_path):
    write_json(tmp_path / "main.json", {"name": "main"})
    with pytest.raises(PrivatuneError, match=r"main.json: another version .* run its target again"):
        render([tmp_path / "main.json"], TEMPLATE, {}, "cpu")


def test_keys_that_differ_are_shown_once_for_each_value():
    parts = [{"name": "a", "differs": {"seed": "1"}}, {"name": "b", "differs": {"seed": "1", "text": "2"}}]
    assert differing(parts) == [
        {"key": "seed", "value": "1", "sections": "a, b"},
        {"key": "text", "value": "2", "sections": "b"},
    ]


def test_changed_leaves_out_what_is_equal_and_what_nobody_asks_for():
    default = {"seed": 0, "scenarios": {"a": {"size": 5}}, "plan": {"costs": None}}
    assert changed(default, default, default) == {}
    mine = {"seed": 0, "scenarios": {"a": {"size": 6}, "b": {}}, "plan": {"costs": "x"}}
    assert changed(default, mine, ["seed", "scenarios"]) == {"scenarios.a.size": "6", "scenarios.b": "{}"}


@pytest.mark.slow  # nothing cheaper draws the charts as a reader sees them
@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (1400, "dark")])
def test_a_browser_shows_the_page(page, visit, tmp_path, width, scheme):
    """Without an error on the console; no picture is missing or wider than the window, and the filters filter."""
    (tmp_path / "index.html").write_text(page[0])
    shown = visit((tmp_path / "index.html").as_uri(), width, color_scheme=scheme)
    charts = shown.locator(".chart")
    assert charts.count() == len(re.findall('class="chart"', page[0])) >= 5
    for place in range(charts.count()):
        expect(charts.nth(place).locator("svg path").first).to_be_attached()
        box = charts.nth(place).locator("svg").bounding_box()
        assert min(box["width"], box["height"]) > 100 and box["x"] >= 0 and box["x"] + box["width"] <= width
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    points = shown.locator("#explorer [aria-roledescription=point]")
    every = points.count()
    assert every > 1
    for place, name in enumerate(["Quality", "Cost", "Megabytes of all devices at most"]):
        assert name in shown.locator("#explorer .vega-bind-name").nth(place).inner_text()
    limits = shown.locator("#explorer select").nth(2)
    limits.select_option(index=1)  # the least of the limits, which some models exceed
    expect(points).not_to_have_count(every)
    limits.select_option(index=0)
    expect(points).to_have_count(every)
    shown.locator("#explorer select").first.select_option(label="dpfedavg: user PPL, words")
    expect(points.first).to_have_attribute("aria-label", re.compile("task: dpfedavg: user PPL, words"))
