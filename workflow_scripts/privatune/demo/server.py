"""The server behind the keyboard's page. It answers this machine alone, and keeps nothing of what is typed.

A text is in the body of a request, never in its address. Of the last text each model keeps its reading in memory, so
that a key takes one step of the model; an empty text ends that. Nothing is logged.
"""

import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from privatune.core.errors import PrivatuneError
from privatune.demo.exported import Exported
from privatune.demo.suggest import Line, Reading, read, split, start, suggested, words_in
from privatune.export.card import guarantee
from privatune.text.settings import UNK

HOST = "127.0.0.1"
LONGEST = 2000  # characters of a text
_BODY = 8 * LONGEST  # bytes of a request: a character takes up to six as JSON writes it, and the names are short
_PAGE = Path(__file__).with_name("page.html")
# The page asks this server alone, and no other page may show it in a frame.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; connect-src 'self'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Question(NamedTuple):
    """What the page asks after a key."""

    text: str  # what stands before the place where somebody types
    models: Sequence[str]  # whose suggestions it shows


def app(models: Mapping[str, Exported], sentences: Mapping[str, Sequence[str]]) -> Starlette:
    """Return the application: the page, what it shows of the models, and their suggestions after each key.

    Args:
        models: by name.
        sentences: public sentences that the page can type by itself, by the title of their source.
    """
    shown = [_about(name, model, sentences) for name, model in models.items()]
    readings = {name: start(model.keyboard) for name, model in models.items()}
    for name, model in models.items():  # the first count compiles for half a second, which nobody should wait for
        read(model.keyboard, ((UNK, 1),), readings[name])

    async def page(request: Request) -> Response:
        return HTMLResponse(_PAGE.read_text(), headers=_HEADERS)

    async def about(request: Request) -> Response:
        return JSONResponse({"models": shown, "longest": LONGEST}, headers=_HEADERS)

    async def suggest(request: Request) -> Response:
        try:
            asked = question(request.headers.get("content-type", ""), await _body(request), models)
            answer = {name: _answer(name, asked.text) for name in asked.models}
        except PrivatuneError as error:
            return JSONResponse({"error": str(error)}, 400, _HEADERS)
        return JSONResponse(answer, headers=_HEADERS)

    def _answer(name: str, text: str) -> dict[str, Any]:
        model = models[name].keyboard
        line = split(model.tokenizer, text)
        readings[name] = reading = read(model, line.words, readings[name])
        return {"words": suggested(model, reading.scores, line.prefix), **_counts(reading), **_place(line, text)}

    routes = [Route("/", page), Route("/models", about), Route("/suggest", suggest, methods=["POST"])]
    # another name that leads to this machine would let pages of other sites ask it
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])])


def listening(port: int) -> socket.socket:
    """Return a socket that this machine alone can reach; with port 0 the system chooses one.

    Raises PrivatuneError when it cannot be had.
    """
    try:
        listener = socket.create_server((HOST, port))
    except (OSError, OverflowError) as error:
        raise PrivatuneError(f"--port {port}: cannot listen there ({error}); give another one") from error
    # an answer is two pieces; otherwise the second one waits for 40 ms
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
    return listener


def server(served: Starlette) -> uvicorn.Server:
    """Return what serves an application on a listening socket and logs nothing but errors of its own."""
    return uvicorn.Server(uvicorn.Config(served, log_level="error", access_log=False, lifespan="off"))


def question(kind: str, body: bytes, models: Mapping[str, Any]) -> Question:
    """Return what a request asks; raises PrivatuneError, which quotes nothing of it, when it asks something else.

    Args:
        kind: the type of its content. Pages of other sites cannot send JSON without asking first, which is refused.
        body: its content.
        models: the models that there are, by name.
    """
    if kind.partition(";")[0].strip() != "application/json":
        raise PrivatuneError("a question is JSON; set its content type to application/json")
    try:
        asked = json.loads(body)
        text, names = asked["text"], asked["models"]
        text.encode()  # half of a character that takes two units is no text
        known = [name for name in names if name in models]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise PrivatuneError('a question is {"text": "...", "models": ["NAME", ...]}') from None
    if len(known) != len(names) or not known:
        raise PrivatuneError(f"there is no such model; known models are {', '.join(models)}")
    if len(text) > LONGEST:
        raise PrivatuneError(f"the text is longer than {LONGEST} characters; begin another one")
    return Question(text, list(dict.fromkeys(known)))


async def _body(request: Request) -> bytes:
    """Return the content of a request, of which no more is read than the longest question has."""
    read_so_far = b""
    async for piece in request.stream():
        read_so_far += piece
        if len(read_so_far) > _BODY:
            raise PrivatuneError(f"the text is longer than {LONGEST} characters; begin another one")
    return read_so_far


def _about(name: str, model: Exported, sentences: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return what the page shows of a model, and the sentences in words as this model's vocabulary writes them."""
    tokenizer = model.keyboard.tokenizer
    return {
        "name": name,
        "words": len(model.keyboard.words),
        "proved": model.about["epsilon"] is not None,
        "guarantee": guarantee(model.about),
        "kss_user": model.about["measures"][model.precision]["kss_user"],
        "sentences": {title: [words_in(tokenizer, line) for line in lines] for title, lines in sentences.items()},
    }


def _counts(reading: Reading) -> dict[str, int]:
    return {"typed": reading.typed, "characters": reading.characters}


def _place(line: Line, text: str) -> dict[str, Any]:
    """Return the beginning of the word that is being typed, and where it begins in the units in which a page counts."""
    return {"prefix": line.prefix, "start": len(text[: line.start].encode("utf-16-le")) // 2}
