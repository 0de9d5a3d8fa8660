"""The server: what it answers over a real socket, what it refuses, and that it logs nothing."""

import http.client
import json
import socket
import threading

import pytest

from privatune.core.errors import PrivatuneError
from privatune.demo.__main__ import main
from privatune.demo.exported import exported_models
from privatune.demo.server import LONGEST, app, listening, question, server
from privatune.demo.suggest import read, split, start, suggested

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def running(export, weights, tmp_path):
    """The models, and a function that sends a request and returns the status, headers and content of its answer."""
    for name, whole in weights.items():
        export(tmp_path / name, whole)
    models = exported_models(tmp_path, "float32")
    with listening(0) as listener:
        serving = server(app(models, {"Ours": ["Don't sit!"]}))
        thread = threading.Thread(target=serving.run, args=([listener],))
        thread.start()

        def ask(path, body=None, headers=JSON, method=None):
            line = http.client.HTTPConnection(*listener.getsockname(), timeout=10)
            line.connect()
            line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
            line.request(method or ("GET" if body is None else "POST"), path, body, headers)
            answer = line.getresponse()
            content = answer.read()
            line.close()
            return answer.status, answer.headers, content

        yield models, ask
        serving.should_exit = True
        thread.join(10)
    assert not thread.is_alive()


def test_it_suggests_counts_and_logs_nothing(running, caplog, capfd):
    models, ask = running
    text = "The \U0001f600 cat zeb\nThe do"
    status, headers, content = ask("/suggest", json.dumps({"text": text, "models": ["private", "general"]}))
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    answer = json.loads(content)
    assert list(answer) == ["private", "general"]
    for name, found in answer.items():
        model = models[name].keyboard
        line = split(model.tokenizer, text)
        reading = read(model, line.words, start(model))
        assert found["words"] == suggested(model, reading.scores, "do") and {*found["words"]} <= {"dog", "don't"}
        assert (found["typed"], found["characters"]) == (reading.typed, 3 + 1 + 3 + 3 + 3)
        assert (found["prefix"], found["start"]) == ("do", 19), "a page counts the face as two"
    page, about = ask("/")[2].decode(), json.loads(ask("/models")[2])
    assert page.startswith("<!doctype html>") and "default-src 'none'" in ask("/")[1]["Content-Security-Policy"]
    assert [model["name"] for model in about["models"]] == ["general", "averaging", "private"]
    assert [model["proved"] for model in about["models"]] == [False, False, True]
    assert "Epsilon 0.5 at delta 0.0001, for one person" in about["models"][2]["guarantee"]
    assert "saw no private text" in about["models"][0]["guarantee"] and about["models"][0]["kss_user"] == 30
    assert about["models"][0]["sentences"] == {"Ours": [["don't", "sit", "!"]]}
    assert caplog.text == "" and capfd.readouterr() == ("", "")


def test_it_answers_no_other_site_and_no_long_text(running):
    _, ask = running
    asked = json.dumps({"text": "the ", "models": ["general"]})
    assert ask("/suggest", asked, {"Host": "evil.example", **JSON})[0] == 400, "a name that leads to this machine"
    assert ask("/suggest", asked, {"Content-Type": "text/plain"})[0] == 400, "which a page of another site may send"
    allowed = ask("/suggest", headers={"Origin": "https://evil.example"}, method="OPTIONS")
    assert "Access-Control-Allow-Origin" not in allowed[1]
    for long in ("a" * (LONGEST + 1), "a" * 10**6):
        status, _, content = ask("/suggest", json.dumps({"text": long, "models": ["general"]}))
        assert status == 400 and b"longer than 2000 characters" in content
    assert ask("/suggest")[0] == 405 and ask("/other")[0] == 404


@pytest.mark.parametrize(
    "body",
    ["", "[]", "null", "{", '{"text": 1, "models": ["a"]}', '{"text": "secret", "models": 1}', '{"models": ["a"]}',
     '{"text": "secret", "models": [["a"]]}', '{"text": "secret\\ud800", "models": ["a"]}',
     '{"text": "secret", "models": []}', '{"text": "secret", "models": ["b"]}'],
)  # fmt: skip
def test_what_is_no_question_is_refused_without_a_word_of_it(body):
    with pytest.raises(PrivatuneError, match=r"a question is|no such model") as refused:
        question("application/json", body.encode(), {"a": None})
    assert "secret" not in str(refused.value)


def test_a_model_is_asked_once():
    asked = question("application/json; charset=utf-8", b'{"text": "x", "models": ["a", "a"]}', {"a": None, "b": None})
    assert asked == ("x", ["a"])


def test_the_program_says_in_one_line_what_is_wrong(export, weights, tmp_path, capsys):
    with pytest.raises(SystemExit, match="1"):
        main([str(tmp_path)])
    assert "no exported language model" in capsys.readouterr().err
    export(tmp_path / "general", weights["general"])
    with listening(0) as taken, pytest.raises(SystemExit, match="1"):
        main([str(tmp_path), "--port", str(taken.getsockname()[1])])
    said = capsys.readouterr().err
    assert "cannot listen there" in said and said.count("\n") == 1
