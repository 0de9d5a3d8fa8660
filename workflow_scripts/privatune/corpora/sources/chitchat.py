"""Conversations between real people, 2018 (the Chit-Chat challenge)."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Literal

from pydantic import Field

from privatune.corpora.packages import PackageSource, wheel
from privatune.corpora.rows import PrivateRow


class ChitchatSource(PackageSource):
    """Time-stamped messages of pseudonymous senders from the package chitchat-dataset."""

    kind: Literal["chitchat"] = "chitchat"
    role: Literal["private"] = "private"
    package: str = Field("chitchat-dataset", description="package of the Python registry that holds the text")
    version: str = Field("0.9.0", description="version of that package")
    sha256: str = Field(
        "7bf89f36645e2d5ec87d53370c8e851b5a688479c7beb7079cb4c87fc5acea3e",
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of its wheel, in hexadecimal",
    )
    licence: str = Field("MIT", description="licence of the text, for the manifest")
    note: str = Field(
        "Myers, Etchart and Fulda 2020; senders are random identifiers",
        description="where the text comes from, for the manifest",
    )
    drop_persons: tuple[str, ...] = Field(
        ("ed35a50a-b6fe-4a82-9df3-606a9693adde",),
        description="senders to leave out; the default is a bot that fills in a template",
    )
    max_conversations: int | None = Field(None, ge=1, description="conversations to take from the start; null: all")

    def unwanted(self) -> tuple[str, ...]:
        """The senders in `drop_persons`, which applies to this corpus only."""
        return self.drop_persons

    def words(self) -> int:
        """An upper bound for all messages together."""
        return 2_500_000


SETTINGS = ChitchatSource


def read(settings: ChitchatSource, path: str | Path | None) -> Iterator[PrivateRow]:
    """Yield every message, conversation by conversation. The JSON file (40 MB) is read into memory."""
    with wheel(settings, path) as archive:
        conversations = json.loads(archive.read("chitchat_dataset/dataset.json"))
        for conversation in islice(conversations.values(), settings.max_conversations):
            for turn in conversation["messages"]:
                for message in turn:
                    time = datetime.fromisoformat(message["timestamp"])
                    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
                    yield PrivateRow(message["sender"], time, message["text"])
