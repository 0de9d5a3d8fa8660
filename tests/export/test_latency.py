"""How runtimes take turns while they are timed."""

import time

from privatune.export.latency import seconds


def test_the_runtimes_take_turns_and_the_first_item_of_a_turn_is_not_timed(monkeypatch):
    now, calls = [0.0], []
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def runtime(name, cost):
        def run(item):
            now[0] += cost if calls and calls[-1][0] == name else 100  # slow after another runtime
            calls.append((name, item))

        return run

    runs = {"torch": runtime("torch", 3.0), "onnx": runtime("onnx", 2.0)}
    assert seconds(runs, range(30), repeats=2) == {"torch": [3.0, 3.0], "onnx": [2.0, 2.0]}
    turns = [[0, *range(20)], [20, *range(20, 30)]]
    expected = [(name, number) for turn in turns for name in runs for number in turn]
    assert calls == 2 * expected
