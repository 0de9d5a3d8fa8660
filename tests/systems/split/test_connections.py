import shutil
import socket
import subprocess
import threading

import pytest

from privatune.core.errors import PrivatuneError
from privatune.systems.split import customer, vendor
from privatune.systems.split.connections import address, client_context, connected, listening, refuse, server_context
from privatune.systems.split.wire import packed, receive, send


@pytest.mark.parametrize("text", ["", "7070", ":7070", "here:", "here:-1", "here:65536", "here:٣", "here:1e3"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(PrivatuneError, match="not an address; write it as 127"):
        address(text)


def test_an_address_that_is_taken_or_that_nobody_listens_at_is_named():
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PrivatuneError, match=rf"127.0.0.1:{port}: cannot listen there \(Address already in use\)"):
            listening("127.0.0.1", port)
    with pytest.raises(PrivatuneError, match=rf"127.0.0.1:{port}: no vendor answers there \(Connection refused\)"):
        connected("127.0.0.1", port, None, 1.0)


def test_a_refused_peer_that_is_still_sending_reads_why():
    """Without the moment in which the rest is read, the connection is reset and the line is lost."""
    with listening("127.0.0.1", 0) as listener:

        def serve():
            peer, _ = listener.accept()
            with peer:
                receive(peer, 100, 2.0)
                refuse(peer, "no\nmore")

        thread = threading.Thread(target=serve)
        thread.start()
        with connected("127.0.0.1", listener.getsockname()[1], None, 2.0) as peer:
            send(peer, packed("hello") + bytes(1 << 23), 2.0)
            assert receive(peer, 100, 2.0).about == {"reason": "no?more"}
        thread.join()


def test_a_refused_peer_that_is_gone_is_no_error():
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        refuse(ours, "no")


def test_files_for_tls_that_are_none_are_named(tmp_path):
    (tmp_path / "text").write_text("no certificate")
    for name in ("text", "missing"):
        with pytest.raises(PrivatuneError, match=f"{name}: no certificate can be read"):
            client_context(tmp_path / name)
        with pytest.raises(PrivatuneError, match=f"{name}, .*{name}: not a certificate and its unencrypted key"):
            server_context(tmp_path / name, tmp_path / name)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_a_password(tmp_path):
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -passout pass:secret -subj /CN=vendor"
    files = tmp_path / "certificate", tmp_path / "key"
    subprocess.run([*command.split(), "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    with pytest.raises(PrivatuneError, match="not a certificate and its unencrypted key"):
        server_context(*files)


VENDOR = ["--encoder", "missing", "--cut", "1"]
CUSTOMER = ["--vendor", "127.0.0.1:1", "--sent", "missing"]
OPTIONS = {
    "a key alone": (vendor, [*VENDOR, "--key", "k"], "vendor: --certificate and --key belong together"),
    "no address": (vendor, [*VENDOR, "--listen", "here"], "vendor: here: not an address"),
    "no encoder": (vendor, VENDOR, "missing/config.json"),
    "steps": (vendor, [*VENDOR, "--steps", "0"], "`steps` is 0; it must be"),
    "patience": (vendor, [*VENDOR, "--patience", "nan"], "`patience` is nan; it must be"),
    "size": (vendor, [*VENDOR, "--message-megabytes", "-1"], "`message_megabytes` is -1.0; it must be"),
    "no vendor": (customer, CUSTOMER, "customer: 127.0.0.1:1: no vendor answers there"),
    "no patience": (customer, [*CUSTOMER, "--patience", "nan"], "customer: --patience nan: give a number of seconds"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_a_wrong_option_is_one_line(name, capsys):
    program, options, line = OPTIONS[name]
    with pytest.raises(SystemExit) as ended:
        program.main(options)
    out, errors = capsys.readouterr()
    assert (ended.value.code, out, errors.count("\n")) == (1, "", 1) and line in errors
