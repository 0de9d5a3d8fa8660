"""What the vendor answers: it fine-tunes the top of an encoder on the states that a customer sends, and predicts.

A connection is one customer. Each message of the customer has one answer:

| message | what is in it | answer |
|---|---|---|
| hello | how many classes, which cut, and how wide states are | welcome: the largest message, in bytes |
| training | states, lengths and labels of some sentences | done |
| train | | done, once the top is trained on all these sentences |
| question | states and lengths of some sentences | done |
| predict | | predictions: a label for each of these sentences, in their order |

Any other message, and anything that is wrong with one, is answered by `refused` with the reason, and ends the
connection.
"""

import socket
import time
from dataclasses import dataclass, field

import numpy as np
from pydantic import Field, ValidationError

from privatune.core.errors import PrivatuneError
from privatune.core.settings import Settings
from privatune.models.encoder import Encoder
from privatune.models.settings import NumericsSettings
from privatune.systems.split.connections import refuse
from privatune.systems.split.cut import Top
from privatune.systems.split.top import fine_tuned, predicted
from privatune.systems.split.top_settings import SplitTopSettings
from privatune.systems.split.wire import Message, packed, plain, receive, send
from privatune.training.examples import Examples

FIRST = 10.0  # seconds in which a peer must say hello, because others wait
_OBJECTS = 2048  # bytes that a message takes besides its body

_FORMS = {"states": ("uint16", 2), "lengths": ("int64", 1), "labels": ("int64", 1)}  # type and number of axes


class Hello(Settings):
    """What a customer says of itself."""

    classes: int = Field(ge=2, le=1000)
    cut: int = Field(ge=0, le=1000)
    hidden: int = Field(ge=1, le=1 << 20)


class LimitSettings(Settings):
    """What one customer may use of the vendor's memory and time."""

    message_megabytes: float = Field(16.0, gt=0, le=4096, description="Size of the largest message.")
    held_megabytes: float = Field(1024.0, gt=0, le=1 << 20, description="Size of all that is held for a customer.")
    patience: float = Field(60.0, gt=0, le=86_400, description="Seconds in which a message must have arrived.")
    session: float = Field(3600.0, gt=0, le=1 << 20, description="Seconds after which no further message is accepted.")

    @property
    def message(self) -> int:
        """Bytes of the largest message."""
        return int(self.message_megabytes * 2**20)


@dataclass(frozen=True)
class Vendor:
    """What the vendor offers to every customer."""

    encoder: Encoder
    cut: int
    settings: SplitTopSettings
    seed: int
    numerics: NumericsSettings
    limits: LimitSettings


@dataclass
class _Customer:
    """What the vendor holds for one customer, while it is connected."""

    hello: Hello
    until: float
    held: int = 0
    training: list[Message] = field(default_factory=list)
    questions: list[Message] = field(default_factory=list)
    top: Top | None = None
    trained: int = 0
    predicted: int = 0


def session(peer: socket.socket, vendor: Vendor) -> str:
    """Answer one customer until it ends the connection or is refused; return a line about it. Never fails."""
    limits = vendor.limits
    try:
        first = receive(peer, limits.message, min(FIRST, limits.patience))
        if first is None:
            return "said nothing"
        customer = _welcomed(first, vendor)
        _answer(peer, packed("welcome", {"message": limits.message}), customer, limits)
        while (left := customer.until - time.monotonic()) > 0:
            message = receive(peer, limits.message, min(left, limits.patience))
            if message is None:
                return f"trained on {customer.trained} sentences, predicted {customer.predicted}"
            _answer(peer, _answered(message, customer, vendor), customer, limits)
        raise PrivatuneError(
            f"the connection has lasted {limits.session:g} s, longer than --session allows; send less, or raise it"
        )
    except PrivatuneError as error:
        reason = plain(error)
    except Exception as error:  # whatever a customer causes, others are served
        reason = f"the vendor failed ({type(error).__name__})"
    refuse(peer, reason)
    return f"refused, {reason}"


def _answer(peer: socket.socket, message: bytes, customer: _Customer, limits: LimitSettings) -> None:
    send(peer, message, max(0.1, min(customer.until - time.monotonic(), limits.patience)))


def _welcomed(first: Message, vendor: Vendor) -> _Customer:
    """What is held for a customer that fits."""
    if first.kind != "hello" or first.arrays:
        raise PrivatuneError(f"the first message is {first.kind}; a connection begins with hello")
    try:
        hello = Hello.model_validate(first.about, strict=True)
    except ValidationError:
        raise PrivatuneError("hello: it gives the numbers `classes` (2 to 1000), `cut` and `hidden`") from None
    ours = {"cut": vendor.cut, "hidden": vendor.encoder.hidden}
    for key, value in ours.items():
        if getattr(hello, key) != value:
            raise PrivatuneError(
                f"hello: {key} is {getattr(hello, key)}, but this vendor has {value}; use the same encoder and cut"
            )
    return _Customer(hello, time.monotonic() + vendor.limits.session)


def _answered(message: Message, customer: _Customer, vendor: Vendor) -> bytes:
    """The answer to a message; raises PrivatuneError when the message is refused."""
    match message.kind:
        case "training" | "question":
            _check(message, customer, vendor)
            (customer.training if message.kind == "training" else customer.questions).append(message)
            return packed("done")
        case "train":
            examples = _taken(customer, customer.training, "train")
            phrases = np.zeros((customer.hello.classes, vendor.encoder.hidden), np.float32)
            given = (vendor.settings, vendor.seed, vendor.numerics)
            customer.top = fine_tuned(vendor.encoder, vendor.cut, examples, phrases, *given)
            customer.trained = len(examples.labels)
            return packed("done")
        case "predict":
            if customer.top is None:
                raise PrivatuneError("predict: nothing is trained yet; send `training` and `train` first")
            examples = _taken(customer, customer.questions, "predict")
            found = predicted(customer.top, examples, vendor.numerics)
            customer.predicted += len(found)
            return packed("predictions", arrays={"labels": found})
    raise PrivatuneError(f"a message of the kind {message.kind}, which is not for the vendor")


def _check(message: Message, customer: _Customer, vendor: Vendor) -> None:
    """Refuse sentences that do not fit together or take too much memory, and count them."""
    names = {"states", "lengths", "labels"} if message.kind == "training" else {"states", "lengths"}
    arrays = message.arrays
    if arrays.keys() != names or any(_form(array) != _FORMS[name] for name, array in arrays.items()):
        raise PrivatuneError(
            f"{message.kind}: it has bfloat16 states by token, and for each sentence a whole number "
            f"in each of {', '.join(sorted(names - {'states'}))}"
        )
    states, lengths = arrays["states"], arrays["lengths"]
    if states.shape[1] != vendor.encoder.hidden:
        raise PrivatuneError(f"{message.kind}: states have {states.shape[1]} values; {vendor.encoder.hidden} are right")
    longest = vendor.encoder.longest
    if not len(lengths) or lengths.min() < 1 or lengths.max() > longest or lengths.sum() != len(states):
        raise PrivatuneError(f"{message.kind}: lengths are 1 to {longest}, and sum to the number of states")
    if message.kind == "training":
        labels, classes = arrays["labels"], customer.hello.classes
        if len(labels) != len(lengths) or labels.min() < 0 or labels.max() >= classes:
            raise PrivatuneError(f"training: there is one label for each sentence, from 0 to {classes - 1}")
    customer.held += _size(message)
    if customer.held > (most := vendor.limits.held_megabytes) * 2**20:
        raise PrivatuneError(f"{message.kind}: more than {most:g} megabytes in all; send fewer sentences")


def _form(array: np.ndarray) -> tuple[str, int]:
    return array.dtype.name, array.ndim


def _size(message: Message) -> int:
    return _OBJECTS + sum(array.nbytes for array in message.arrays.values())


def _taken(customer: _Customer, messages: list[Message], kind: str) -> Examples:
    """All sentences of some messages, which are then held no more; those of questions have the label 0."""
    if not messages:
        raise PrivatuneError(f"{kind}: no sentence was sent for it")
    states, lengths = (np.concatenate([message.arrays[name] for message in messages]) for name in ("states", "lengths"))
    labels = [message.arrays.get("labels", np.zeros(len(message.arrays["lengths"]), np.int64)) for message in messages]
    customer.held -= sum(map(_size, messages))
    messages.clear()
    return Examples(states, np.cumsum(lengths) - lengths, lengths, np.concatenate(labels))
