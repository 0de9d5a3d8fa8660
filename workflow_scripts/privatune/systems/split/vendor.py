"""The vendor's program: it listens on a socket and serves one customer after the other."""

import argparse
import signal
import socket
import ssl
from collections.abc import Sequence

from privatune.core.errors import PrivatuneError
from privatune.core.program import program, say
from privatune.core.validation import validated
from privatune.models.encoder import load_encoder
from privatune.models.settings import NumericsSettings
from privatune.systems.split.connections import address, listening, server_context
from privatune.systems.split.cut import check_cut
from privatune.systems.split.service import FIRST, LimitSettings, Vendor, session
from privatune.systems.split.top_settings import SplitTopSettings
from privatune.systems.split.wire import reason_of


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, and serve until Ctrl-C or `kill`; what is wrong with the options is one line."""
    options = _options().parse_args(arguments)
    with program("vendor"):
        if (options.certificate is None) != (options.key is None):
            raise PrivatuneError("--certificate and --key belong together; give both for TLS, or none")
        context = server_context(options.certificate, options.key) if options.certificate else None
        host, port = address(options.listen)
        vendor = _vendor(options)
        with listening(host, port) as listener:
            name, own = listener.getsockname()[:2]
            about = f"{vendor.encoder.blocks - vendor.cut} of {vendor.encoder.blocks} blocks are the vendor's"
            for number in (signal.SIGINT, signal.SIGTERM):  # a shell lets programs in the background ignore the first
                signal.signal(number, signal.default_int_handler)
            say(f"vendor: listening on {name}:{own}{' with TLS' if context else ''}; {about}")
            serve(listener, vendor, context)


def serve(listener: socket.socket, vendor: Vendor, context: ssl.SSLContext | None) -> None:
    """Serve one customer after the other until Ctrl-C or `kill`; what is wrong with one of them is a printed line.

    Args:
        listener: a listening socket.
        vendor: what is offered.
        context: the vendor's side of TLS, or None for connections in the clear.
    """
    try:
        while True:
            try:
                peer, (host, port, *_) = listener.accept()
            except ConnectionError:  # it was gone again
                continue
            say(f"vendor: customer {host}:{port}: {_served(peer, vendor, context)}")
    except KeyboardInterrupt:
        say("vendor: ended")


def _served(peer: socket.socket, vendor: Vendor, context: ssl.SSLContext | None) -> str:
    """Serve one customer and close its connection; return a line about it."""
    with peer:
        try:
            if context is None:
                return session(peer, vendor)
            peer.settimeout(FIRST)
            with context.wrap_socket(peer, server_side=True) as secured:
                return session(secured, vendor)
        except OSError as error:
            return f"refused, {reason_of(error)}"


def _vendor(options: argparse.Namespace) -> Vendor:
    """What the command line says that the vendor offers."""
    scope = {"name": options.scope, "count": options.count}
    training = {"steps": options.steps, "batch": options.batch, "rate": options.rate}
    settings = validated(SplitTopSettings, {"scope": scope, **training})
    numerics = validated(
        NumericsSettings,
        {"accelerator": options.accelerator, "precision": options.precision, "threads": options.threads},
    )
    limits = validated(
        LimitSettings,
        {
            "message_megabytes": options.message_megabytes,
            "held_megabytes": options.held_megabytes,
            "patience": options.patience,
            "session": options.session,
        },
    )
    encoder = load_encoder(options.encoder)
    check_cut(encoder, options.cut)
    return Vendor(encoder, options.cut, settings, options.seed, numerics, limits)


def _options() -> argparse.ArgumentParser:
    top, limits = SplitTopSettings(), LimitSettings()
    parser = argparse.ArgumentParser(
        prog="vendor", description="Fine-tune the top of an encoder on states that customers send.", allow_abbrev=False
    )
    add = parser.add_argument
    add("--encoder", required=True, help="folder of the encoder, results/encoders/NAME; the customer has the same one")
    add("--cut", type=int, required=True, help="blocks that stay with the customer; 0 cuts after the embeddings")
    add("--listen", default="127.0.0.1:0", help="address and port; with port 0 a free one is chosen and printed")
    add("--certificate", help="PEM file with the certificate for TLS; without it, connections are not encrypted")
    add("--key", help="PEM file with the private key of the certificate")
    add("--scope", choices=["lora", "blocks"], default="lora", help="LoRA, or all weights of the trained blocks")
    add("--count", type=int, default=top.scope.count, help="how many of the last blocks are trained (%(default)s)")
    add("--steps", type=int, default=top.steps, help="training steps (%(default)s)")
    add("--batch", type=int, default=top.batch, help="expected examples per step (%(default)s)")
    add("--rate", type=float, default=top.rate, help="learning rate of the first step (%(default)s)")
    add("--seed", type=int, default=0, help="decides initial weights and minibatches (%(default)s)")
    add("--threads", type=int, default=1, help="processor threads (%(default)s)")
    add("--accelerator", choices=["cpu", "cuda"], default="cpu", help="what computes (%(default)s)")
    add("--precision", choices=["float32", "bfloat16"], default="float32", help="precision of products (%(default)s)")
    add("--message-megabytes", type=float, default=limits.message_megabytes, help="largest message (%(default)s)")
    add("--held-megabytes", type=float, default=limits.held_megabytes, help="most that a customer sends (%(default)s)")
    add("--patience", type=float, default=limits.patience, help="seconds that a message may take (%(default)s)")
    add("--session", type=float, default=limits.session, help="seconds that a customer may take (%(default)s)")
    return parser
