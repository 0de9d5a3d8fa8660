"""What a run shows, and that Snakemake's own log has all that it does not show."""

LISTED = "workflow_scripts/privatune/core/errors.py"  # among the inputs of every job


def test_a_run_is_one_line_per_stage_and_its_log_has_the_rest(copy, snakemake):
    folder = copy("tables")
    target = "results-tiny/tables/corpora.csv"
    assert LISTED in snakemake(folder, target, options=["--dry-run"]).stdout, "a dry run lists all"
    process = snakemake(folder, target)
    said = process.stderr
    assert process.stdout == "" and LISTED not in said and "Job stats" not in said
    lines = [line for line in said.splitlines() if " jobs " in line or " job " in line or line.startswith("Done")]
    assert (
        lines[0].startswith("1 job to do, in about ")
        and lines[0].endswith(" on 2 cores")
        and lines[1].startswith("table: 1 job in ")
    )
    assert lines[2].startswith("Done: 1 job in ") and said.splitlines()[-1] == lines[2]
    log = max((folder / ".snakemake/log").glob("*.log"))
    assert LISTED in log.read_text() and "Finished jobid" in log.read_text()
    again = snakemake(folder, target)
    assert "Nothing to be done" in again.stderr


def test_an_error_is_the_last_that_a_run_shows(copy, snakemake):
    folder = copy("federated", "models")
    overlay = {"federation": {"cohort": {"size": 16}}, "execution": {"clients_per_job": 16}}
    process = snakemake(folder, "averaging-plain", overlay=overlay, fails=True)
    *_, failed, why, log, all_said, go_on = process.stderr.splitlines()
    assert failed == "fine_tune (scenario averaging-plain, seed 0, round 1, shard 0) failed:"
    assert why.startswith("  federation.cohort.size: a round needs 16 persons, but only 15")
    assert log == "  Its log: results-tiny/logs/fine_tune/averaging-plain/seed-0/round-1/shard-0.log"
    assert all_said.startswith("All that Snakemake said: ") and go_on.startswith("Finished jobs are kept")
    assert LISTED not in process.stderr and "RuleException" not in process.stderr
    quiet = snakemake(folder, "averaging-plain", overlay=overlay, fails=True, options=["--quiet", "progress"])
    assert "Error in rule fine_tune" in quiet.stderr, "whoever asks for less of Snakemake's messages gets those"
