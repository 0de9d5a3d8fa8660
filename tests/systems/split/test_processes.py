"""The two programs as a user starts them, on loopback."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from tops import train_top

from privatune.models.classifier_settings import LoraScope
from privatune.models.encoder import load_encoder
from privatune.models.settings import NumericsSettings
from privatune.systems.split.connections import address
from privatune.systems.split.top_settings import SplitTopSettings
from privatune.systems.split.wire import packed, receive

SCRIPTS = Path(__file__).parents[3] / "workflow_scripts"
CUT, SEED, STEPS = 1, 3, 20
TRAINING = f"--cut {CUT} --count 1 --steps {STEPS} --batch 10 --rate 0.01 --seed {SEED}".split()


def start(name, *options):
    return subprocess.Popen(
        [sys.executable, str(SCRIPTS / f"{name}.py"), *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": ""},  # as without any preparation
    )


@contextmanager
def running(folder, *options, end=signal.SIGINT):
    """A vendor and where it listens; it must end cleanly, as at Ctrl-C."""
    process = start("vendor", "--encoder", folder, *TRAINING, *options)
    try:
        first = process.stdout.readline()
        assert first.startswith("vendor: listening on 127.0.0.1:"), process.stderr.read()
        yield process, first.split()[3].rstrip(";")
        process.send_signal(end)
        rest, errors = process.communicate(timeout=20)
        assert (process.returncode, rest.splitlines()[-1], errors) == (0, "vendor: ended", "")
    finally:
        process.kill()
        process.communicate()


def ask(place, sent, *options):
    """Exit status and output of a customer."""
    process = start("customer", "--vendor", place, "--sent", sent, *options)
    out, errors = process.communicate(timeout=60)
    return process.returncode, out + errors


@pytest.fixture(scope="module")
def accuracy(folder, parts):
    """What the workflow's function gives for the same states."""
    settings = SplitTopSettings(scope=LoraScope(count=1), steps=STEPS, batch=10, rate=0.01)
    given = (np.zeros((2, 16), np.float32), settings, SEED, NumericsSettings())
    return train_top(load_encoder(folder), CUT, *parts, *given)[1]


@pytest.mark.slow  # nothing cheaper starts the programs
def test_two_processes_give_the_accuracy_of_the_workflow_whoever_else_calls(folder, sent, accuracy):
    line = f"customer: accuracy {accuracy:.2f} % on 30 test sentences; "
    hello = packed("hello", {"classes": 2, "cut": CUT, "hidden": 16})
    with running(folder, "--message-megabytes", 0.01, "--patience", 5) as (vendor, place):
        assert (first := ask(place, sent))[0] == 0 and first[1].startswith(line), first
        for attack in (b"GET / HTTP/1.0\r\n\r\n", hello + bytes(1 << 20), hello[:-3], b""):
            with socket.create_connection(address(place), timeout=10) as peer:
                peer.sendall(attack)
                if attack and attack != hello[:-3]:
                    answers = [receive(peer, 1 << 20, 10.0) for _ in range(1 + attack.startswith(hello))]
                    assert answers[-1].about["reason"].startswith("not a message of this protocol")
        with socket.create_connection(address(place), timeout=10) as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # the end is a reset
            peer.sendall(hello)
        assert ask(place, sent) == first
        said = [vendor.stdout.readline().split(": ", 2)[2].rstrip() for _ in range(7)]
    assert said[0] == said[6] == "trained on 30 sentences, predicted 30"
    assert said[1].startswith("refused, not a message") and said[2].startswith("refused, not a message")
    assert said[3:5] == ["refused, truncated: the connection ends within a message", "said nothing"]
    assert said[5].startswith("refused, ")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate of 127.0.0.1 that vouches for itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    made = folder / "certificate.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=vendor -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*command.split(), "-out", made[0], "-keyout", made[1]], check=True, capture_output=True)
    return made


@pytest.mark.slow
def test_with_tls_only_a_trusted_vendor_is_sent_anything(folder, sent, accuracy, certificate, tmp_path):
    with running(folder, "--certificate", certificate[0], "--key", certificate[1], end=signal.SIGTERM) as (
        vendor,
        place,
    ):
        status, out = ask(place, sent, "--trust", certificate[0])
        assert status == 0 and f"accuracy {accuracy:.2f} %" in out, out
        status, out = ask(place, sent)
        assert status == 1 and out.startswith("customer: ") and out.count("\n") == 1, out
        with socket.create_connection(address(place), timeout=10) as peer, pytest.raises(ssl.SSLError):
            ssl.create_default_context().wrap_socket(peer, server_hostname="127.0.0.1")
        said = [vendor.stdout.readline().split(": ", 2)[2].rstrip() for _ in range(3)]
    assert said[0] == "trained on 30 sentences, predicted 30"
    assert all(line.startswith("refused, [SSL: ") for line in said[1:])
