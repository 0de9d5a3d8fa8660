import pandas as pd

from privatune.report.frames import write_table
from privatune.systems.popov.tables import clients, comparison, replicates


def test_it_has_the_rows_of_the_comparison_and_more(make_run, tmp_path):
    run = make_run(seeds=[0, 1, 2], scenarios=["initial", "averaging-rehearsal"])
    write_table(clients.table(run.clients, run.scenarios), tmp_path / "clients.csv")
    main = [path for path in run.evaluations if "seed-0" in path]
    few = comparison.table(main, [tmp_path / "clients.csv"], run.paper, run.about).frame
    # the clients of every round, as they lie on the disk
    many = replicates.table(run.evaluations, run.clients, run.paper, run.about).frame
    assert len(few) == 4 and len(many) == 12
    pd.testing.assert_frame_equal(many[many["seed"] == 0].reset_index(drop=True), few, check_dtype=False)
