"""A wrong configuration ends in one line that names the key and what would be right."""

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, model_validator

from privatune.core.errors import PrivatuneError
from privatune.core.settings import Settings
from privatune.core.validation import validated


class Client(Settings):
    objective: Literal["plain", "rehearsal"] = "plain"
    user_share: float = Field(0.5, ge=0, le=1, description="Share of private text.")
    epochs: int = Field(1, ge=1, description="Passes.")

    @model_validator(mode="after")
    def _agree(self):
        if self.objective == "plain" and self.user_share < 0.1:
            raise ValueError("plain fine-tuning needs a `user_share` of 0.1 or more")
        return self


class Federation(Settings):
    client: Client = Client()
    tied: bool = True
    seeds: tuple[int, ...] = (0,)


class Package(Settings):
    kind: Literal["package"]
    version: str


class Table(Settings):
    kind: Literal["table"]
    path: str = Field("private.csv", description="File to read.")


class Whole(Settings):
    federation: Federation = Federation()
    sources: dict[str, Annotated[Package | Table, Field(discriminator="kind")]] = {}
    threads: int | Literal["auto"] = "auto"
    anything: dict[str, Any] = {}
    named: dict[Annotated[str, Field(pattern="^[a-z]+$")], Client] = {}


def client(**values):
    return {"federation": {"client": values}}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            client(user_shar=1),
            "unknown key `federation.client.user_shar`; did you mean `federation.client.user_share`?",
        ),
        ({"user_share": 1}, "unknown key `user_share`; did you mean `federation.client.user_share`?"),
        (client(zzz=1), "unknown key `federation.client.zzz`; known here: objective, user_share, epochs"),
        (client(user_share=1.5), "`federation.client.user_share` is 1.5; it must be a number from 0 to 1"),
        (client(user_share="nan"), "`federation.client.user_share` is 'nan'; it must be a number from 0 to 1"),
        (client(user_share=None), "`federation.client.user_share` is None; it must be a number from 0 to 1"),
        (client(epochs=True), "`federation.client.epochs` is True; it must be a whole number of at least 1"),
        (client(epochs=1.5), "`federation.client.epochs` is 1.5; it must be a whole number of at least 1"),
        (
            client(objective="rehersal"),
            "`federation.client.objective` is 'rehersal'; did you mean rehearsal? It must be one of plain, rehearsal",
        ),
        (client(user_share=0), "`federation.client`: plain fine-tuning needs a `user_share` of 0.1 or more"),
        ({"federation": {"tied": "yes"}}, "`federation.tied` is 'yes'; it must be true or false"),
        ({"federation": {"tied": 1}}, "`federation.tied` is 1; it must be true or false"),
        ({"federation": {"seeds": [0, False]}}, "`federation.seeds[1]` is False; it must be a whole number"),
        ({"federation": None}, "`federation` is None; it must be a mapping"),
        ({"threads": "many"}, "`threads` is 'many'; it must be a whole number, or auto"),
        (
            {"sources": {"web": {"kind": "tabel"}}},
            "`sources.web.kind` is 'tabel'; did you mean table? It must be one of package, table",
        ),
        ({"sources": {"web": {}}}, "`sources.web.kind` is missing; choose one of package, table"),
        ({"sources": {"web": {"kind": "package"}}}, "`sources.web.version` is missing; add it: text"),
        (
            {"sources": {"web": {"kind": "table", "paht": "x"}}},
            "unknown key `sources.web.paht`; did you mean `sources.web.path`?",
        ),
        ({"sources": {1: {"kind": "table"}}}, "name `sources.1`: a name is text; put it in quotes"),
        ({"named": {"A": {}}}, "name `named.A`: String should match pattern '^[a-z]+$'"),
        ({"named": {"a": {"epoch": 1}}}, "unknown key `named.a.epoch`; did you mean `named.a.epochs`?"),
        ([], "it is []; it must be a mapping"),
        (
            client(epochs=0, user_share=2),
            "`federation.client.user_share` is 2; it must be a number from 0 to 1; "
            "`federation.client.epochs` is 0; it must be a whole number of at least 1",
        ),
    ],
)
def test_one_line(values, line):
    with pytest.raises(PrivatuneError) as error:
        validated(Whole, values)
    assert str(error.value) == f"config: {line}"


def test_place_of_the_whole():
    with pytest.raises(PrivatuneError) as error:
        validated(Client, {"epoch": 1, "user_share": 2}, at="scenarios.mine.client")
    assert str(error.value) == (
        "config: `scenarios.mine.client.user_share` is 2; it must be a number from 0 to 1; "
        "unknown key `scenarios.mine.client.epoch`; did you mean `scenarios.mine.client.epochs`?"
    )


def test_long_values_are_cut():
    with pytest.raises(PrivatuneError) as error:
        validated(Whole, {"threads": "x" * 1000})
    assert len(str(error.value)) < 150


def test_right_values():
    assert validated(Whole, {}) == Whole()
    assert validated(Whole, client(user_share="1e-1", epochs="2")).federation.client.user_share == 0.1
    assert validated(Whole, {"anything": {"a": [1, True, {"b": None}]}}).anything == {"a": [1, True, {"b": None}]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(["federation", "sources", "threads", "anything", "seed"]), JSON),
    st.dictionaries(st.sampled_from(["objective", "user_share", "epochs", "epoch"]), JSON),
)
def test_any_mapping_is_taken_or_refused_in_one_line(values, inside):
    for given_values in (values, client(**inside)):
        try:
            validated(Whole, given_values)
        except PrivatuneError as error:
            assert "\n" not in str(error)
            assert str(error).startswith("config: ")
