import pandas as pd

from privatune.report.frames import write_table
from privatune.systems.popov.tables.clients import COLUMNS, table


def test_one_row_a_client_in_a_round(make_run, tmp_path):
    run = make_run(seeds=[1, 0], scenarios=["averaging-rehearsal", "device-lwf"])
    made = table(run.clients[::-1], ["device-lwf", "averaging-rehearsal"])
    assert list(made.frame.columns) == COLUMNS
    assert len(made.frame) == 2 * (1 + 10 * 10)
    assert made.frame["scenario"].iloc[0] == "device-lwf"
    keys = made.frame.loc[made.frame["scenario"] == "averaging-rehearsal", ["seed", "round", "client"]]
    assert keys.to_numpy().tolist() == sorted(keys.to_numpy().tolist())
    write_table(made, tmp_path / "clients.csv")
    assert pd.read_csv(tmp_path / "clients.csv")["bits_up"].unique().tolist() == [245123456]


def test_a_run_without_clients_has_an_empty_table(tmp_path):
    write_table(table([], ["initial"]), tmp_path / "clients.csv")
    assert (tmp_path / "clients.csv").read_text() == ",".join(COLUMNS) + "\n"
