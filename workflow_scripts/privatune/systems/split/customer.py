"""The customer's program: it sends privatised states and labels to a vendor, and asks it for predictions."""

import argparse
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.core.program import program, say
from privatune.core.tensors import Arrays, map_tensors
from privatune.evaluation.accuracy import accuracy
from privatune.systems.split.connections import address, connected
from privatune.systems.split.wire import Message, packed, plain, receive, send
from privatune.training.examples import Examples, read_examples

_ANSWER = 1 << 26  # bytes of the largest answer
_PIECE = 1 << 20  # bytes of a message, unless the vendor accepts less or a sentence needs more
_LONGEST = 86_400  # seconds that an answer may take at most
_CONNECT = 10.0  # seconds for a connection


class Outcome(NamedTuple):
    """What came of it."""

    accuracy: float  # of the predictions, in percent
    trained: int  # sentences with labels that were sent
    asked: int  # sentences without labels that were sent
    sent: int  # bytes


class _Line:
    """A connection to a vendor, which counts what it sends."""

    def __init__(self, peer: socket.socket, seconds: float) -> None:
        self.peer = peer
        self.seconds = seconds
        self.sent = 0

    def ask(self, message: bytes, kind: str) -> Message:
        """Send a message and return its answer; raises PrivatuneError unless that is of this kind."""
        self.sent += len(message)
        try:
            send(self.peer, message, self.seconds)
        except PrivatuneError as error:  # the reason may have arrived
            answer = _last(self.peer)
            if answer is None:
                raise error
        else:
            answer = receive(self.peer, _ANSWER, self.seconds)
        if answer is None:
            raise PrivatuneError("the vendor has ended the connection; start again, or read what the vendor printed")
        if answer.kind == "refused":
            raise PrivatuneError(f"the vendor refuses: {plain(answer.about.get('reason', 'it gives no reason'))}")
        if answer.kind != kind:
            raise PrivatuneError(
                f"the vendor answers {answer.kind} instead of {kind}; use the same version on both sides"
            )
        return answer


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, and print the accuracy of the vendor's predictions in one line."""
    options = _options().parse_args(arguments)
    with program("customer"):
        if not 0 < options.patience <= _LONGEST:
            raise PrivatuneError(f"--patience {options.patience}: give a number of seconds up to {_LONGEST}")
        host, port = address(options.vendor)
        with connected(host, port, options.trust, _CONNECT) as peer:
            outcome = fine_tune(peer, options.sent, options.patience)
        say(
            f"customer: accuracy {outcome.accuracy:.2f} % on {outcome.asked} test sentences;"
            f" {outcome.sent / 1e6:.1f} MB were sent, {outcome.trained} training sentences among them"
        )


def fine_tune(peer: socket.socket, sent: str | Path, seconds: float) -> Outcome:
    """Let a vendor train on what a customer sends, and judge its predictions, which need no labels, with the labels.

    Args:
        peer: a connection to the vendor.
        sent: the file with what leaves the customer: states, offsets, labels and part, and in its header the cut and
            the names of the labels, of which only the number is sent.
        seconds: how long an answer may take, training included.

    Raises:
        PrivatuneError: the file is damaged, or the vendor refuses, is too slow or answers nonsense.
    """
    arrays, about = map_tensors(sent)
    train, test = read_examples(sent, "train"), read_examples(sent, "test")
    cut, classes = about.get("cut"), len(about.get("classes", ()))
    if cut is None or "states" not in arrays or not len(train.labels) or not len(test.labels):
        raise PrivatuneError(
            f"{sent}: it has no states that a customer sends to train and to test; give sent.safetensors"
        )
    line = _Line(peer, seconds)
    hello: dict[str, int | str] = {"classes": classes, "cut": cut, "hidden": train.values.shape[1]}
    most = line.ask(packed("hello", hello), "welcome").about.get("message")
    if not isinstance(most, int):
        raise PrivatuneError("the vendor does not say how large a message may be; use the same version on both sides")
    for piece in _pieces(train, most):
        line.ask(packed("training", arrays=piece), "done")
    line.ask(packed("train"), "done")
    for piece in _pieces(test, most):
        line.ask(packed("question", arrays={name: piece[name] for name in ("states", "lengths")}), "done")
    predicted = line.ask(packed("predict"), "predictions").arrays.get("labels", np.empty(0))
    if predicted.shape != test.labels.shape or predicted.dtype != np.int64:
        raise PrivatuneError(f"the vendor gives {predicted.size} predictions for {len(test.labels)} sentences")
    return Outcome(accuracy(predicted, test.labels), len(train.labels), len(test.labels), line.sent)


def _pieces(examples: Examples, most: int) -> Iterator[Arrays]:
    """Yield some sentences at a time, in their order, as the arrays of a message of at most `most` bytes."""
    sizes = examples.lengths * examples.values.itemsize * examples.values.shape[1] + 16
    if sizes.max() > most:
        raise PrivatuneError(f"a sentence needs {sizes.max()} bytes, but the vendor accepts {most} per message")
    start = 0
    ends = np.cumsum(sizes)
    while start < len(sizes):
        before = ends[start] - sizes[start]
        stop = max(start + 1, int(np.searchsorted(ends, before + min(most, _PIECE), "right")))
        rows = slice(start, stop)
        places = zip(examples.starts[rows].tolist(), examples.lengths[rows].tolist(), strict=True)
        states = np.concatenate([examples.values[first : first + length] for first, length in places])
        yield {"states": states, "lengths": examples.lengths[rows], "labels": examples.labels[rows]}
        start = stop


def _last(peer: socket.socket) -> Message | None:
    """What a vendor that takes nothing more has still said."""
    try:
        return receive(peer, _ANSWER, 1.0)
    except PrivatuneError:
        return None


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="customer",
        description="Send privatised states and labels to a vendor, and measure its predictions.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--vendor", required=True, help="address that the vendor prints, such as 127.0.0.1:7070")
    add("--sent", required=True, help="file with what leaves the customer, results/split/.../sent.safetensors")
    add("--trust", help="PEM file with the vendor's certificate or its authority's; turns TLS on")
    add("--patience", type=float, default=3600.0, help="seconds that an answer may take (%(default)s)")
    return parser
