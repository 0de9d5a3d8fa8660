"""Messages byte by byte, and what a broken or hostile peer can send."""

import json
import socket
import struct
import threading
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from privatune.core.errors import PrivatuneError
from privatune.systems.split.wire import KINDS, packed, plain, receive, send

MOST = 1 << 16
ARRAYS = {
    "states": np.arange(6, dtype=np.uint16).reshape(3, 2),
    "labels": np.array([-1, 2**40]),
    "x": np.zeros(0, "f4"),
}
WHOLE = packed("training", {"cut": 2, "word": "a"}, ARRAYS)


def sent(data, most=MOST, seconds=2.0):
    """What a reader makes of bytes after which the peer closes."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(data)
        return receive(ours, most, seconds)


def framed(head, body=b"", kind=2, version=1, magic=b"PVS", lengths=None, flip=0):
    lengths = lengths or (len(head), len(body))
    start = struct.pack("<3sBBIQ", magic, version, kind, *lengths)
    return start + struct.pack("<I", zlib.crc32(start + head + body) ^ flip) + head + body


def head(*arrays, **about):
    return json.dumps({"about": about, "arrays": list(arrays)}).encode()


def array(sizes, dtype="BF16", name="states"):
    return {"name": name, "dtype": dtype, "sizes": sizes}


FINITE = st.sampled_from(["<u2", "<f4", "<i8"]).flatmap(
    lambda dtype: arrays(
        dtype,
        array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=3),
        elements={"<u2": st.integers(0, 0x7F7F), "<f4": st.floats(width=32, allow_nan=False, allow_infinity=False)}.get(
            dtype, st.integers(-(2**63), 2**63 - 1)
        ),
    )
)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=16)


@given(
    st.sampled_from(KINDS),
    st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=20), max_size=3),
    st.dictionaries(NAMES, FINITE, max_size=3),
)
def test_a_message_arrives_as_it_was_sent(kind, about, values):
    found = sent(packed(kind, about, values))
    assert (found.kind, found.about, found.arrays.keys()) == (kind, about, values.keys())
    for name, value in values.items():
        assert found.arrays[name].dtype == value.dtype and found.arrays[name].shape == value.shape
        assert found.arrays[name].tobytes() == value.tobytes()


def test_the_bytes_are_those_that_the_format_says():
    body = np.array([-1, 2**40]).tobytes() + ARRAYS["states"].tobytes()
    described = [array([2], "I64", "labels"), array([0], "F32", "x"), array([3, 2])]
    expected = head(*described, cut=2, word="a").replace(b": ", b":").replace(b", ", b",")
    assert framed(expected, body) == WHOLE


def test_messages_follow_each_other_and_the_end_between_two_is_no_error():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for kind in ("hello", "train"):
            send(theirs, packed(kind), 1.0)
        theirs.shutdown(socket.SHUT_WR)
        assert [receive(ours, MOST, 1.0).kind for _ in range(2)] == ["hello", "train"]
        assert receive(ours, MOST, 1.0) is None


REFUSED = {
    "not a message": (b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", "not a message of this protocol"),
    "TLS": (bytes.fromhex("160301020001000100") + bytes(40), "not a message .* is TLS set on one side only"),
    "version": (framed(head(), version=2), "of version 2; this program speaks version 1"),
    "kind": (framed(head(), kind=99), "unknown kind 99"),
    "checksum": (framed(head(), flip=1), "does not match its checksum"),
    "large body": (framed(head(), lengths=(len(head()), 2**63)), "9223372036854775808 bytes; at most 65536 and 65536"),
    "large head": (framed(head(), lengths=(2**32 - 1, 0)), "4294967295 and 0 bytes; at most"),
    "truncated start": (WHOLE[:10], "truncated"),
    "truncated head": (WHOLE[:30], "truncated"),
    "truncated body": (WHOLE[:-1], "truncated"),
    "negative size": (framed(head(array([-1, -4]))), "the head of a message is not as"),
    "huge sizes": (framed(head(array([2**40, 2**40]))), "has 0 bytes for arrays of 2417851639229258349412352 bytes"),
    "sizes beyond": (framed(head(array([2**70]))), "the head of a message is not as"),
    "part of a number": (framed(head(array([1.5]))), "the head of a message is not as"),
    "true is no size": (framed(head(array([True])), bytes(2)), "the head of a message is not as"),
    "three axes": (framed(head(array([1, 1, 1])), bytes(2)), "the head of a message is not as"),
    "objects": (framed(head(array([1], "O")), bytes(8)), "the head of a message is not as"),
    "a body too short": (framed(head(array([2])), bytes(3)), "has 3 bytes for arrays of 4 bytes"),
    "a body too long": (framed(head(array([2])), bytes(5)), "has 5 bytes for arrays of 4 bytes"),
    "twice": (framed(head(array([1]), array([1])), bytes(4)), "names an array twice"),
    "many arrays": (framed(head(*[array([0], name=c) for c in "abcdefghi"])), "the head of a message is not as"),
    "nested": (framed(b"[" * 60_000), "the head of a message is not as"),
    "long number": (framed(b'{"about": {"a": ' + b"9" * 60_000 + b'}, "arrays": []}'), "not as the protocol"),
    "not UTF-8": (framed(b'{"about": {"a": "\xff"}, "arrays": []}'), "the head of a message is not as"),
    "unknown key": (framed(b'{"about": {}, "arrays": [], "code": "x"}'), "the head of a message is not as"),
    "bfloat16 NaN": (framed(head(array([2])), struct.pack("<2H", 0, 0x7FC0)), "values in `states` that are not finite"),
    "bfloat16 infinity": (framed(head(array([1])), struct.pack("<H", 0xFF80)), "not finite"),
    "float32 NaN": (framed(head(array([1], "F32")), struct.pack("<f", float("nan"))), "not finite"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_message_is_refused_in_one_line(name):
    data, line = REFUSED[name]
    with pytest.raises(PrivatuneError, match=line) as error:
        sent(data)
    assert "\n" not in str(error.value) and len(str(error.value)) < 200


@given(data=st.data())
def test_damage_is_noticed(data, damaged):
    broken = damaged(data, WHOLE)
    if broken.startswith(WHOLE):  # something after the message
        return
    if broken:
        with pytest.raises(PrivatuneError):
            sent(broken)
    else:
        assert sent(broken) is None


@given(st.binary(min_size=1, max_size=200))
def test_random_bytes_are_refused(noise):
    with pytest.raises(PrivatuneError):
        sent(noise)


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_random_heads_and_bodies_with_a_right_checksum_are_refused(noise, body):
    with pytest.raises(PrivatuneError):
        sent(framed(noise, body))


@pytest.mark.parametrize("start", [b"", WHOLE[:5], WHOLE[:40]])
def test_a_silent_peer_is_given_up(start):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(start)
        with pytest.raises(PrivatuneError, match="no whole message arrives: it takes too long"):
            receive(ours, MOST, 0.05)


def test_a_slow_peer_is_given_up_although_it_is_never_silent():
    ours, theirs = socket.socketpair()

    sent = []

    def drip():
        for place in range(len(WHOLE)):
            time.sleep(0.01)
            try:
                theirs.sendall(WHOLE[place : place + 1])
            except OSError:
                return
            sent.append(place)

    thread = threading.Thread(target=drip)
    with ours, theirs:
        thread.start()
        with pytest.raises(PrivatuneError, match="takes too long"):
            receive(ours, MOST, 0.1)
        assert len(sent) < len(WHOLE)
        ours.close()
        thread.join()


def test_a_peer_that_reads_nothing_is_given_up():
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(PrivatuneError, match="the peer does not take a message: it takes too long"):
        send(ours, packed("training", arrays={"x": np.zeros(1 << 21, np.uint16)}), 0.05)


def test_what_a_message_announces_takes_no_memory_before_it_arrives():
    announced = framed(head(array([1 << 29])), lengths=(len(head(array([1 << 29]))), 1 << 30))
    tracemalloc.start()
    with pytest.raises(PrivatuneError, match="truncated"):
        sent(announced, most=1 << 31)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_text_of_the_peer_is_shown_as_one_short_line_of_ascii():
    assert plain("\x1b[31mé\ud800\r\n" + "a" * 999) == "?[31m????" + "a" * 291
