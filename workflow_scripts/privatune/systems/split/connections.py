"""Sockets between a customer and a vendor, with TLS or without."""

import socket
import ssl
import time
from pathlib import Path

from privatune.core.errors import PrivatuneError
from privatune.systems.split.wire import packed, plain, reason_of, send

_LAST_WORDS = 2.0  # seconds in which a refused peer can read why


def address(text: str) -> tuple[str, int]:
    """Host and port of an address such as 127.0.0.1:7070 or [::1]:7070; raises PrivatuneError.

    >>> address("[::1]:7070")
    ('::1', 7070)
    """
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 1 << 16):
        raise PrivatuneError(f"{text}: not an address; write it as 127.0.0.1:7070")
    return host.removeprefix("[").removesuffix("]"), int(port)


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; with port 0 the system chooses one. Raises PrivatuneError naming the address."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = reason_of(error).partition(" (while")[0]  # Python repeats the address
        raise PrivatuneError(f"{host}:{port}: cannot listen there ({reason}); choose another address") from error


def connected(host: str, port: int, trust: str | Path | None, seconds: float) -> socket.socket:
    """A connection to a vendor; with `trust`, TLS to a vendor whose certificate this file vouches for."""
    context = client_context(trust) if trust else None
    try:
        plain_socket = socket.create_connection((host, port), timeout=seconds)
    except OSError as error:
        raise PrivatuneError(
            f"{host}:{port}: no vendor answers there ({reason_of(error)}); start it, or correct the address"
        ) from error
    if context is None:
        return plain_socket
    try:
        return context.wrap_socket(plain_socket, server_hostname=host)
    except OSError as error:
        plain_socket.close()
        raise PrivatuneError(
            f"{host}:{port}: TLS fails ({reason_of(error)}); check --trust, and that the vendor has --certificate"
        ) from error


def server_context(certificate: str | Path, key: str | Path) -> ssl.SSLContext:
    """The vendor's side of TLS, from its certificate and private key; raises PrivatuneError naming both files."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # without a password: an encrypted key would ask for one on the terminal
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        raise PrivatuneError(
            f"{certificate}, {key}: not a certificate and its unencrypted key ({plain(error)}); give PEM files"
        ) from error
    return context


def client_context(trust: str | Path) -> ssl.SSLContext:
    """The customer's side of TLS, which trusts the certificates in one file only; raises PrivatuneError naming it."""
    try:
        return ssl.create_default_context(cafile=trust)
    except (OSError, ValueError) as error:
        raise PrivatuneError(f"{trust}: no certificate can be read ({plain(error)}); give a PEM file") from error


def refuse(peer: socket.socket, reason: str) -> None:
    """Tell a peer in one line why it is refused, if it still listens.

    What it is still sending is read for a moment and dropped: closed at once, the connection would be reset, and the
    peer might not see the line.
    """
    until = time.monotonic() + _LAST_WORDS
    try:
        send(peer, packed("refused", {"reason": plain(reason)}), _LAST_WORDS)
        peer.shutdown(socket.SHUT_WR)
        while (left := until - time.monotonic()) > 0:
            peer.settimeout(left)
            if not peer.recv(1 << 16):
                break
    except (PrivatuneError, OSError):
        return
