"""Every column that a table shows has one heading, which is written in one place."""

import ast
import importlib
import inspect
import pkgutil

import pandas as pd
import pytest

import privatune
from privatune.report.columns import SHARED, Column, show


def modules(kind):
    """By name all modules of the library whose name ends in `.kind`, or which are in a package of this name."""
    found = (module.name for module in pkgutil.walk_packages(privatune.__path__, "privatune."))
    names = [name for name in found if kind in name.split(".")]
    return {name: importlib.import_module(name) for name in names}


TABLES = {name: module for name, module in modules("tables").items() if hasattr(module, "table")}
ROOMS = {name.split(".")[2]: module.OWN for name, module in modules("columns").items() if hasattr(module, "OWN")}
WITHOUT = {"all_claims": "claims", "replicates": "comparison"}  # show what another table's module shows


def own(name):
    """The columns of a table's system."""
    return ROOMS.get(name.split(".")[2], {}) if ".systems." in name else {}


def calls(module):
    """What a module calls by name."""
    tree = ast.parse(inspect.getsource(module))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]


def test_the_tables_and_rooms_are_found():
    assert len(TABLES) > 15 and len(ROOMS) > 2


def test_a_column_is_in_one_place():
    places = [SHARED, *ROOMS.values()]
    twice = {key for place in places for key in place if sum(key in other for other in places) > 1}
    assert twice == {"scenario", "chance"}, "DP-FedAvg calls its scenarios variants, and its chance is in bits"


@pytest.mark.parametrize("name", TABLES)
def test_a_table_names_its_columns_and_writes_no_heading_that_is_known(name):
    module, short = TABLES[name], name.split(".")[-1]
    if short in WITHOUT:
        assert WITHOUT[short] in inspect.getsource(module) and not hasattr(module, "SHOWN")
        return
    here = getattr(module, "HERE", {})
    known = {**SHARED, **own(name), **here}
    assert set(module.SHOWN) <= set(known) and set(here) <= set(module.SHOWN)
    headings = [known[key].heading for key in module.SHOWN]
    assert len(set(headings)) == len(headings), "one heading each, or a reader cannot tell them apart"
    assert all(here[key].heading != {**SHARED, **own(name)}[key].heading for key in here), "only another meaning"
    shown = [call for call in calls(module) if call.func.id in ("show", "show_spread")]
    assert all("SHOWN" in ast.unparse(call.args[1]) for call in shown) and shown
    apart = [call for call in calls(module) if call.func.id == "Column" and isinstance(call.args[0], ast.Constant)]
    assert len(apart) == len(here), "a heading that is not in HERE"


def test_every_column_of_the_dictionaries_is_shown():
    """Each system's by one of its tables, the shared ones by any."""
    used = {name: set(getattr(module, "SHOWN", [])) for name, module in TABLES.items()}
    assert not set(SHARED) - set().union(*used.values())
    for room, columns in ROOMS.items():
        assert not set(columns) - set().union(*(keys for name, keys in used.items() if f".systems.{room}." in name))


def test_null_is_a_dash_and_a_table_can_have_columns_of_its_own():
    frame = pd.DataFrame({"seed": [1, 2], "bits_up": [8e6, None], "client.minibatch": [3, 4]})
    shown = show(frame, ["client.minibatch", "bits_up"], {"client.minibatch": Column("client.minibatch")})
    assert shown.to_dict("list") == {"client.minibatch": ["3", "4"], SHARED["bits_up"].heading: ["1.0", "–"]}
