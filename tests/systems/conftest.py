"""Files of earlier stages, made up but plausible, for tables and figures."""

import math
from collections.abc import Callable
from io import BytesIO
from itertools import combinations
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.text import Text

from privatune.core.files import write_json
from privatune.core.streams import stream
from privatune.report.verdicts import UNDECIDED, Tables, verdict

SCENARIOS = [
    "initial",
    "device-plain",
    "device-rehearsal",
    "device-lwf",
    "averaging-rehearsal",
    "averaging-plain",
    "averaging-control",
]
PAPER = Path(__file__).parents[2] / "report/popov/paper.csv"
PAPER_TEXT = PAPER.with_name("paper-text.csv")

# scenario: user share, clients a round, the paper's row at each round, (general, user) PPL at each round
MODELS = {
    "initial": (None, 0, {0: "initial"}, {0: (251, 401)}),
    "device-plain": (1.0, 1, {1: "plain"}, {1: (345, 214)}),
    "device-rehearsal": (0.5, 1, {1: "rehearsal 1/2"}, {1: (252, 236)}),
    "device-lwf": (0.5, 1, {1: "lwf 1/2"}, {1: (270, 262)}),
    "averaging-rehearsal": (
        0.5,
        10,
        {1: "averaging 1 round", 10: "averaging 300 rounds"},
        {1: (246, 268), 3: (240, 176), 10: (228, 118)},
    ),
    "averaging-plain": (1.0, 10, {}, {1: (262, 232), 3: (312, 152), 10: (388, 117)}),
    "averaging-control": (0.0, 10, {}, {1: (243, 396), 3: (236, 392), 10: (221, 388)}),
}


def about(scenarios: list[str]) -> list[dict]:
    """What the workflow tells the table `comparison` of each scenario."""
    return [
        {
            "name": name,
            "user_share": MODELS[name][0],
            "clients_per_round": MODELS[name][1],
            "persons_per_device": 1,
            "paper": MODELS[name][2],
        }
        for name in scenarios
    ]


def evaluation(scenario: str, seed: int, number: int) -> dict:
    _, _, _, rounds = MODELS[scenario]
    general, user = (value * (1 + 0.02 * seed * math.cos(number + seed)) for value in rounds[number])
    return {
        "scenario": scenario,
        "seed": seed,
        "round": number,
        "ppl_general": general,
        "ppl_user": user,
        "ppl_later": user * 1.07,
        "ppl_average": math.exp((28_111 * math.log(general) + 29_222 * math.log(user)) / 57_333),
        "ppl_general_with_ends": general * 0.9,
        "ppl_user_with_ends": user * 0.8,
        "ppl_average_with_ends": math.sqrt(general * user) * 0.85,
        "targets_general": 28_111,
        "targets_user": 29_222,
        "oov_general": 6.3,
        "oov_user": 2.6,
        "kss_general": 90 - 6.2 * math.log(general),
        "kss_user": 92 - 7.4 * math.log(user),
        "recall1_user": 34 - 3 * math.log(user),
        "recall3_user": 48 - 4 * math.log(user),
    }


def write_run(folder: Path, seeds: list[int], scenarios: list[str]) -> SimpleNamespace:
    """The files of one run of `scenarios`; lists of paths in the order in which the workflow gives them."""
    evaluations, clients, costs, benchmarks = [], [], [], []
    for scenario in scenarios:
        share, cohort, _, rounds = MODELS[scenario]
        for seed in seeds:
            for number in rounds:
                at = f"{scenario}/seed-{seed}/round-{number}"
                path = folder / "evaluation" / f"{at}.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_json(path, evaluation(scenario, seed, number))
                evaluations.append(str(path))
            for number in range(1, max(rounds) + 1):
                path = folder / "federated" / scenario / f"seed-{seed}" / f"round-{number}" / "clients.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                lines = ["scenario,seed,round,client,user_tokens,rehearsal_tokens,steps,bits_up,bits_down"]
                for place in range(cohort):
                    tokens = 1500 + 617 * ((place * 7 + number * 3) % 10)
                    lines.append(
                        f"{scenario},{seed},{number},p{number * 10 + place:04},{tokens},{tokens},{tokens // 100},"
                        "245123456,245723456"
                    )
                path.write_text("\n".join(lines) + "\n")
                clients.append(str(path))
        for place in range(3 if cohort else 0):
            tokens = 3_000 + 4_321 * place
            cost = {"scenario": scenario, "client": f"p{place:04}", "tokens": tokens}
            cost |= {
                "user_kb": tokens * 0.0025,
                "rehearsal_kb": tokens * 0.0027,
                "bits_up": 8e7,
                "bits_down": 9e7,
                "products_per_word": 6_168_576,
            }
            cost |= {"seconds": 1.1 + tokens / (5200 if share == 0.5 else 6100), "peak_memory_mb": 410.0 + tokens / 400}
            path = folder / "costs" / scenario / f"client-{place}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, cost)
            costs.append(str(path))
    times = {
        "fetch_package": (3, 4.1, 96), "corpus": (3, 6.3, 320), "split": (1, 2.2, 260), "vocabulary": (1, 8.4, 540),
        "encode": (6, 2.9, 380), "pretrain": (1, 310.0, 1240), "fine_tune": (63, 4.4, 690), "aggregate": (33, 1.9, 480),
        "evaluate": (13, 14.8, 820), "client_cost": (18, 3.5, 640),
    }  # fmt: skip
    for rule, (jobs, seconds, memory) in times.items():
        for place in range(jobs):
            path = folder / "benchmarks" / (f"{rule}/{place}.tsv" if jobs > 1 else f"{rule}.tsv")
            path.parent.mkdir(parents=True, exist_ok=True)
            measured = memory + place if seconds > 2 else "-"
            path.write_text(
                f"s\th:m:s\tmax_rss\tmax_vms\tcpu_time\n{seconds + 0.01 * place}\t0:00:01\t{measured}\t-\t1\n"
            )
            benchmarks.append(str(path))
    curve = folder / "curve.csv"
    lines = ["step,tokens,seconds,learning_rate,ppl_train,ppl_valid"]
    for step in range(50, 3551, 50):
        train = 180 + 9000 * math.exp(-step / 220) + 700 * math.exp(-step / 900) + 12 * math.cos(step)
        valid = f"{train * 1.12:.3f}" if step % 500 == 0 or step == 3550 else ""
        lines.append(f"{step},{step * 700},{step * 0.09},{1.0 if step < 2500 else 0.5},{train:.3f},{valid}")
    curve.write_text("\n".join(lines) + "\n")
    return SimpleNamespace(
        evaluations=evaluations,
        clients=clients,
        costs=costs,
        benchmarks=benchmarks,
        folder=folder / "benchmarks",
        scenarios=scenarios,
        about=about(scenarios),
        paper=PAPER,
        paper_text=PAPER_TEXT,
        curve=curve,
    )


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., SimpleNamespace]:
    """make_run(seeds=[0], scenarios=all of them) writes a run's files into a new folder and names them."""
    return lambda seeds=(0,), scenarios=SCENARIOS: write_run(
        tmp_path_factory.mktemp("run"), list(seeds), list(scenarios)
    )


# scenario: clients a round, user share, (general, user) PPL and the paper's row at each round
METHODS = {
    "initial": (0, None, {0: (177, 334, "initial")}),
    "device-rehearsal-25": (1, 0.25, {1: (184, 262, "rehearsal 1/4")}),
    "device-rehearsal": (1, 0.5, {1: (188, 240, "rehearsal 1/2")}),
    "device-rehearsal-75": (1, 0.75, {1: (205, 236, "rehearsal 3/4")}),
    "device-lwf-25": (1, 0.25, {1: (190, 282, "lwf 1/4")}),
    "device-lwf": (1, 0.5, {1: (206, 262, "lwf 1/2")}),
    "device-lwf-75": (1, 0.75, {1: (228, 248, "lwf 3/4")}),
    "device-plain": (1, 1.0, {1: (270, 238, "plain")}),
    "device-control": (1, 0.0, {1: (174, 336, None)}),
    "server-distill-generated": (10, 0.5, {1: (180, 300, "distillation generated 1 cycle")}),
    "server-distill-generated-5": (10, 0.5, {1: (182, 296, "distillation generated 5 cycles")}),
    "server-distill-real": (10, 0.5, {1: (179, 298, "distillation real")}),
    "averaging-rehearsal": (
        10,
        0.5,
        {1: (176, 262, "averaging 1 round"), 4: (174, 180, None), 10: (172, 128, "averaging 300 rounds")},
    ),
    "averaging-plain": (10, 1.0, {1: (180, 230, None), 4: (215, 150, None), 10: (260, 120, None)}),
    "averaging-control": (10, 0.0, {1: (175, 333, None), 4: (170, 331, None), 10: (165, 330, None)}),
}
MAIN_JOB = ("initial", "averaging-plain", "averaging-control")  # these run under the first seed alone


def replicates_of(changes: dict, seeds: list[int], noise: float, rounds: int) -> pd.DataFrame:
    paper = pd.read_csv(PAPER).set_index("row")
    rows = []
    for scenario, (clients, share, models) in METHODS.items():
        for seed in seeds[:1] if scenario in MAIN_JOB else seeds:
            for number, (general, user, row) in models.items():
                if number > rounds and seed != seeds[0]:
                    continue
                general, user = changes.get((scenario, number), (general, user))
                sway = stream(seed, "sway", len(rows)).standard_normal(2) * noise * (number > 0)
                general, user = general * math.exp(sway[0]), user * math.exp(sway[1])
                made = {
                    "scenario": scenario, "seed": seed, "round": number, "clients_per_round": clients,
                    "user_share": share, "ppl_general": general, "ppl_user": user,
                    "ppl_average": math.sqrt(general * user), "ppl_general_with_ends": 0.9 * general,
                    "ppl_user_with_ends": 0.8 * user, "ppl_average_with_ends": 0.85 * math.sqrt(general * user),
                    "kss_general": 90 - 6 * math.log(general),
                    "kss_user": 92 - 8.5 * math.log(user), "paper": row,
                }  # fmt: skip
                for measure in ("ppl_general", "ppl_user", "ppl_average", "kss_general", "kss_user"):
                    made[f"paper_{measure}"] = paper[measure].get(row, math.nan)
                rows.append(made)
    return pd.DataFrame(rows)


@pytest.fixture(scope="session")
def write_replicates(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """write_replicates(changes, seeds, noise, rounds) writes a table `replicates` into a new folder and names it.

    `changes` gives (general, user) PPL by (scenario, round); seeds but the first end after `rounds`.
    """

    def write(changes=None, seeds=(0, 1, 2), noise=0.01, rounds=4):
        path = tmp_path_factory.mktemp("replicates") / "replicates.csv"
        replicates_of(changes or {}, list(seeds), noise, rounds).to_csv(path, index=False)
        return path

    return write


# columns that tell what a row is about
ABOUT = (
    "seed round steps pair n_users n_copies carried noise_multiplier clip clients_per_round user_share "
    "bits_up bits_down"
).split()


def one(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the first replicate."""
    key = _replicate(frame)
    return frame[frame[key] == frame[key].min()] if key else frame.head(1)


def null(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rows without what was measured."""
    measures = [name for name in frame if name == "verdict" or name in frame.select_dtypes(["number", "bool"])]
    measures = [name for name in measures if name not in ABOUT]
    return frame.assign(**dict.fromkeys(measures, float("nan")))


def tied(frame: pd.DataFrame) -> pd.DataFrame:
    """The first replicate three times."""
    key, first = _replicate(frame), one(frame)
    return pd.concat([first.assign(**({key: place} if key else {})) for place in range(3)], ignore_index=True)


def _replicate(frame: pd.DataFrame) -> str | None:
    return next((name for name in ("seed", "pair", "replicate", "repeat") if name in frame), None)


POOR = {"one": one, "none": lambda frame: frame.head(0), "null": null, "tied": tied}


@pytest.fixture
def without_evidence() -> Callable[[ModuleType, Tables], None]:
    """without_evidence(system, tables) feeds a system's claims with poor tables; from `tables` some must be decided."""

    def check(system: ModuleType, tables: Tables) -> None:
        assert _decided(system, tables, "good"), "from good tables some claim is decided"
        for name, poor in POOR.items():
            made = {table: frame if table.startswith("paper") else poor(frame) for table, frame in tables.items()}
            assert not _decided(system, made, name), name
            assert "nan" not in system.note(made).split(), name

    return check


def _decided(system: ModuleType, tables: Tables, name: str) -> dict[str, str]:
    """Claims that are measured and not undecided; counts have an interval of some width even where all are equal."""
    decided = {}
    for claim in system.claims(tables):
        ours = claim.ours(tables)
        found = verdict(claim.rule, ours, claim.paper(tables))
        if found != UNDECIDED and not claim.rule.exact and not (name == "tied" and ours.low < ours.high):
            decided[claim.text] = found
    return decided


def texts(figure: Figure) -> list[Text]:
    """What can be read in a drawn figure."""
    figure.draw_without_rendering()
    found = figure.findobj(lambda part: isinstance(part, Text) and part.get_visible() and part.get_text().strip())
    hidden = [
        tick.label1
        for axes in figure.axes
        for axis, place in ((axes.xaxis, 0), (axes.yaxis, 1))
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        if not min(axis.get_view_interval()) <= tick.label1.get_position()[place] <= max(axis.get_view_interval())
    ]
    return [text for text in found if text not in hidden]


@pytest.fixture
def readable() -> Callable[[Figure], None]:
    """readable(figure): its texts neither overlap nor leave the figure, and no epsilon lacks its delta."""

    def check(figure: Figure) -> None:
        boxes = {text: text.get_window_extent() for text in texts(figure)}
        page = figure.bbox.padded(1)
        for text, box in boxes.items():
            assert page.x0 <= box.x0 <= box.x1 <= page.x1 and page.y0 <= box.y0 <= box.y1 <= page.y1, text
            assert "epsilon" not in text.get_text() or "delta" in text.get_text(), text
        for (one, box), (two, other) in combinations(boxes.items(), 2):
            assert not box.padded(-0.5).overlaps(other.padded(-0.5)), (one, two)

    return check


@pytest.fixture
def same_bytes() -> Callable[[Callable[[], Figure]], None]:
    """same_bytes(draw): what is drawn twice has the same bytes as a PDF; tests/report/test_style.py saves it."""

    def check(draw: Callable[[], Figure]) -> None:
        one, two = BytesIO(), BytesIO()
        for copy in (one, two):
            draw().savefig(copy, format="pdf", metadata={"CreationDate": None})
        assert one.getvalue().startswith(b"%PDF") and one.getvalue() == two.getvalue()

    return check


@pytest.fixture
def points() -> Callable[[Axes], dict[str, list[np.ndarray]]]:
    """points(axes): what is drawn with error bars, by label."""

    def find(axes: Axes) -> dict[str, list[np.ndarray]]:
        found: dict[str, list[np.ndarray]] = {}
        for part in axes.containers:
            if isinstance(part, ErrorbarContainer):
                found.setdefault(part.get_label(), []).append(part.lines[0].get_xydata())
        return found

    return find
