"""A vendor's answers to good and to hostile customers, and a customer's to hostile vendors, without a network."""

import socket
import threading
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tops import train_top

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import load_tensors, save_tensors
from privatune.models.classifier_settings import LoraScope
from privatune.models.encoder import load_encoder
from privatune.models.settings import NumericsSettings
from privatune.systems.split import service
from privatune.systems.split.customer import fine_tune
from privatune.systems.split.service import LimitSettings, Vendor, session
from privatune.systems.split.top_settings import SplitTopSettings
from privatune.systems.split.wire import KINDS, packed, receive

CUT, SEED = 1, 3
HELLO = packed("hello", {"classes": 2, "cut": CUT, "hidden": 16})
TRAIN, PREDICT = packed("train"), packed("predict")


@pytest.fixture(scope="module")
def vendor(folder):
    training = SplitTopSettings(scope=LoraScope(count=1), steps=20, batch=10, rate=0.01)
    limits = LimitSettings(message_megabytes=0.02, held_megabytes=0.05, patience=2)
    return Vendor(load_encoder(folder), CUT, training, SEED, NumericsSettings(), limits)


@contextmanager
def served(vendor, lines):
    """A connection to a vendor, whose line about it goes to `lines`."""
    ours, theirs = socket.socketpair()

    def serve():
        with theirs:
            lines.append(session(theirs, vendor))

    thread = threading.Thread(target=serve)
    thread.start()
    with ours:
        yield ours
    thread.join()


def answers(vendor, *messages):
    """Kinds and reasons of the answers to some messages, and the vendor's line about the customer."""
    found, lines = [], []
    with served(vendor, lines) as peer:
        peer.sendall(b"".join(messages))
        peer.shutdown(socket.SHUT_WR)
        while answer := receive(peer, 1 << 20, 5.0):
            found.append(answer.about.get("reason", answer.kind))
    return found, lines[0]


def part(labels=(0, 1), lengths=(2, 1), hidden=16, kind="training", dtype="u2", value=0x3F80, states=None):
    """A message with sentences."""
    if states is None:
        states = np.full((sum(lengths), hidden), value, dtype)
    arrays = {"states": states, "lengths": np.array(lengths, np.int64), "labels": np.array(labels, np.int64)}
    return packed(kind, arrays=arrays)


def question():
    arrays = {"states": np.full((3, 16), 0x3F80, np.uint16), "lengths": np.array([2, 1])}
    return packed("question", arrays=arrays)


def test_the_vendor_gives_the_accuracy_of_the_workflow(vendor, sent, parts):
    lines = []
    with served(vendor, lines) as peer:
        outcome = fine_tune(peer, sent, 10.0)
    given = (np.zeros((2, 16), np.float32), vendor.settings, SEED, NumericsSettings())
    _, accuracy = train_top(vendor.encoder, CUT, *parts, *given)
    assert outcome.accuracy == accuracy > 60
    assert (outcome.trained, outcome.asked) == (30, 30)
    assert lines == ["trained on 30 sentences, predicted 30"]


def test_a_customer_can_train_again_and_ask_again(vendor):
    found, line = answers(
        vendor, HELLO, part(), TRAIN, question(), PREDICT, question(), question(), PREDICT, part(), TRAIN
    )
    assert found == ["welcome", "done", "done", "done", "predictions", "done", "done", "predictions", "done", "done"]
    assert line == "trained on 2 sentences, predicted 6"


WRONG = {
    "no hello": ([part()], "the first message is training; a connection begins with hello"),
    "classes": ([packed("hello", {"classes": 10**9, "cut": CUT, "hidden": 16})], "hello: it gives the numbers"),
    "negative classes": ([packed("hello", {"classes": -1, "cut": CUT, "hidden": 16})], "hello: it gives the numbers"),
    "classes in words": ([packed("hello", {"classes": "2", "cut": CUT, "hidden": 16})], "hello: it gives the numbers"),
    "nothing": ([packed("hello")], "hello: it gives the numbers"),
    "cut": ([packed("hello", {"classes": 2, "cut": 2, "hidden": 16})], "hello: cut is 2, but this vendor has 1"),
    "hidden": (
        [packed("hello", {"classes": 2, "cut": CUT, "hidden": 384})],
        "hello: hidden is 384, but this vendor has 16",
    ),
    "hello twice": ([HELLO, HELLO], "of the kind hello, which is not for the vendor"),
    "an answer": ([HELLO, packed("welcome")], "of the kind welcome, which is not for the vendor"),
    "train first": ([HELLO, TRAIN], "train: no sentence was sent for it"),
    "predict first": ([HELLO, question(), PREDICT], "predict: nothing is trained yet"),
    "nothing to predict": ([HELLO, part(), TRAIN, PREDICT], "predict: no sentence was sent for it"),
    "label above": ([HELLO, part(labels=(0, 2))], "training: there is one label for each sentence, from 0 to 1"),
    "label below": ([HELLO, part(labels=(-1, 0))], "one label for each sentence, from 0 to 1"),
    "labels missing": ([HELLO, part(labels=(1,))], "one label for each sentence, from 0 to 1"),
    "no labels": ([HELLO, part(labels=())], "one label"),
    "labels of a question": ([HELLO, part(kind="question")], "question: it has bfloat16 states by token, and for each"),
    "no states": ([HELLO, packed("training")], "training: it has bfloat16 states by token"),
    "token ids": ([HELLO, part(dtype="i8")], "training: it has bfloat16 states by token"),
    "float32 states": ([HELLO, part(dtype="f4")], "training: it has bfloat16 states by token"),
    "width": ([HELLO, part(hidden=15)], "training: states have 15 values; 16 are right"),
    "no width": ([HELLO, part(hidden=0)], "training: states have 0 values; 16 are right"),
    "no sentence": ([HELLO, part(labels=(), lengths=())], "lengths are 1 to 40, and sum to the number of states"),
    "empty sentence": ([HELLO, part(lengths=(0, 3))], "lengths are 1 to 40"),
    "negative length": ([HELLO, part(states=np.ones((2, 16), "u2"), lengths=(4, -2))], "lengths are 1 to 40"),
    "overflow": ([HELLO, part(states=np.ones((2, 16), "u2"), lengths=(2**62,) * 4)], "lengths are 1 to 40"),
    "long sentence": ([HELLO, part(labels=(1,), lengths=(41,))], "lengths are 1 to 40"),
    "lengths and states": ([HELLO, part(states=np.ones((4, 16), "u2"))], "sum to the number of states"),
    "too large": ([HELLO, part(labels=(0,) * 40, lengths=(20,) * 40)], "bytes; at most 65536 and 20971 are accepted"),
    "too much": (
        [HELLO, *[part(labels=(0,) * 20, lengths=(20,) * 20)] * 4],
        "more than 0.05 megabytes in all; send few",
    ),
    "not a number": ([HELLO, part(value=0x7FC0)], "values in `states` that are not finite"),
    "noise": ([HELLO, bytes(range(200))], "not a message of this protocol"),
    "truncated": ([HELLO, part()[:-1]], "truncated: the connection ends within a message"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused_in_one_line(name, vendor):
    messages, reason = WRONG[name]
    found, line = answers(vendor, *messages)
    assert found[:-1] == ["welcome", "done", "done", "done"][: len(found) - 1]
    with pytest.raises(PrivatuneError, match=reason):
        raise PrivatuneError(found[-1])
    assert line == f"refused, {found[-1]}"


ANY = st.one_of(
    st.binary(max_size=60),
    st.builds(packed, st.sampled_from(KINDS)),
    st.builds(
        part,
        labels=st.lists(st.integers(-1, 3), max_size=4),
        lengths=st.lists(st.integers(0, 5), max_size=4),
        hidden=st.integers(15, 17),
        kind=st.sampled_from(KINDS),
        value=st.sampled_from([0, 0x7F7F, 0xFF7F]),  # the largest finite values
    ),
    st.sampled_from([part(), question(), TRAIN, PREDICT]),
)


@given(messages=st.lists(ANY, max_size=8))
def test_whatever_arrives_the_vendor_answers_and_goes_on(messages, vendor):
    found, line = answers(vendor, HELLO, *messages)
    assert found[0] == "welcome" and "failed" not in line
    assert line.startswith(("trained on", "refused, "))


def test_states_as_large_as_numbers_can_be_harm_only_their_customer(vendor, sent):
    found, _ = answers(vendor, HELLO, part(value=0x7F7F), TRAIN, question(), PREDICT)
    assert found[-1] == "predictions"
    with served(vendor, []) as peer:
        assert fine_tune(peer, sent, 10.0).accuracy > 60


def test_a_failure_of_the_vendor_is_a_line_without_its_text(vendor, monkeypatch):
    def fails(*_):
        raise RuntimeError("what a sentence says")

    monkeypatch.setattr(service, "fine_tuned", fails)
    found, line = answers(vendor, HELLO, part(), TRAIN)
    assert found[-1] == "the vendor failed (RuntimeError)" and line == f"refused, {found[-1]}"


@pytest.mark.parametrize("start", [b"", HELLO[:9], HELLO, HELLO + part()[:50]])
def test_a_silent_customer_is_given_up(start, vendor):
    hasty = Vendor(**{**vars(vendor), "limits": LimitSettings(patience=0.05)})
    lines = []
    with served(hasty, lines) as peer:
        peer.sendall(start)
        while answer := receive(peer, 1 << 20, 5.0):
            last = answer
    assert last.about["reason"] == "no whole message arrives: it takes too long"
    assert lines == [f"refused, {last.about['reason']}"]


def test_a_connection_has_an_end(vendor):
    limited = Vendor(**{**vars(vendor), "limits": LimitSettings(session=0.1)})
    lines = []
    with served(limited, lines) as peer:
        peer.sendall(HELLO)
        while answer := receive(peer, 1 << 20, 5.0):
            last = answer
    assert last.kind == "refused" and lines[0].startswith("refused, ")


def recorded(vendor, sent):
    """What a customer sends, byte by byte, and what `fine_tune` returns."""
    ours, middle = socket.socketpair()
    lines, heard = [], []

    def relay(upstream):
        while data := middle.recv(1 << 16):
            heard.append(data)
            upstream.sendall(data)
        upstream.shutdown(socket.SHUT_WR)

    def back(upstream):
        while data := upstream.recv(1 << 16):
            middle.sendall(data)

    with served(vendor, lines) as upstream, middle:
        threads = [threading.Thread(target=way, args=(upstream,)) for way in (relay, back)]
        for thread in threads:
            thread.start()
        with ours:
            outcome = fine_tune(ours, sent, 10.0)
        for thread in threads:
            thread.join()
    return b"".join(heard), outcome


def test_neither_token_ids_nor_names_of_labels_nor_labels_of_the_test_part_are_sent(vendor, sent, ids, parts):
    heard, outcome = recorded(vendor, sent)
    assert len(heard) == outcome.sent
    tokens, offsets = ids
    for first, last in pairwise(offsets):
        for dtype in ("<u2", "<u4", "<i8", "<f4"):
            assert tokens[first:last].astype(dtype).tobytes() not in heard
    assert b"secret" not in heard
    ours, theirs = socket.socketpair()
    with ours, theirs:
        threading.Thread(target=lambda: (theirs.sendall(heard), theirs.shutdown(socket.SHUT_WR))).start()
        messages = []
        while message := receive(ours, 1 << 20, 2.0):
            messages.append(message)
    kinds = [message.kind for message in messages]
    assert kinds[0] == "hello" and messages[0].about == {"classes": 2, "cut": CUT, "hidden": 16}
    assert list(dict.fromkeys(kinds)) == ["hello", "training", "train", "question", "predict"]
    for kind, examples in (("training", parts[0]), ("question", parts[1])):
        states = np.concatenate([message.arrays["states"] for message in messages if message.kind == kind])
        first, last = examples.starts[0], examples.starts[-1] + examples.lengths[-1]
        assert np.array_equal(states, examples.values[first:last])
    assert all(message.arrays.keys() == {"states", "lengths"} for message in messages if message.kind == "question")


def asked(sent, *replies, seconds=2.0):
    """A customer's error when a vendor says these things, whatever it is asked."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"".join(replies))
        with pytest.raises(PrivatuneError) as error:
            fine_tune(ours, sent, seconds)
    return str(error.value)


WELCOME, DONE = packed("welcome", {"message": 1 << 20}), packed("done")
NONSENSE = {
    "silence": ([], "no whole message arrives: it takes too long"),
    "noise": ([bytes(40)], "not a message of this protocol"),
    "done": ([DONE], "the vendor answers done instead of welcome; use the same version"),
    "no size": ([packed("welcome")], "the vendor does not say how large a message may be"),
    "a size in words": ([packed("welcome", {"message": "1"})], "the vendor does not say how large a message may be"),
    "tiny": ([packed("welcome", {"message": -5})], "bytes, but the vendor accepts -5 per message"),
    "refused": ([packed("refused", {"reason": "\x1b[2Jno"})], "the vendor refuses: ?[2Jno"),
    "no reason": ([packed("refused")], "the vendor refuses: it gives no reason"),
    "no predictions": ([WELCOME, DONE, DONE, DONE, packed("predictions")], "gives 0 predictions for 30 sentences"),
    "few": (
        [WELCOME, DONE, DONE, DONE, packed("predictions", arrays={"labels": np.zeros(29, np.int64)})],
        "gives 29 predictions for 30 sentences",
    ),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_a_customer_says_in_one_line_what_is_wrong_with_a_vendor(name, sent):
    replies, line = NONSENSE[name]
    assert line in asked(sent, *replies, seconds=0.2 if name == "silence" else 2.0)


@pytest.mark.parametrize("lacks", ["test sentences", "cut", "states"])
def test_a_file_that_is_not_for_sending_is_refused(lacks, sent, tmp_path):
    arrays, about = load_tensors(sent)
    match lacks:
        case "test sentences":
            arrays["part"] = np.zeros(90, np.uint8)
        case "cut":
            del about["cut"]
        case "states":
            arrays["ids"] = arrays.pop("states")[:, 0].astype(np.uint32)
    save_tensors(tmp_path / "sent", arrays, about)
    assert "it has no states that a customer sends" in asked(tmp_path / "sent")
