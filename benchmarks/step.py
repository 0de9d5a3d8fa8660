"""Time the inner training step against a plain autograd version, at the default model's sizes on one thread.

`make bench` runs it: python benchmarks/step.py. It writes results/benchmarks/step.csv.
"""

import os
from statistics import median
from time import perf_counter

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from common import write_rows

from privatune.core.streams import stream
from privatune.models.network import Weights, hidden_states, initial_weights, zero_state
from privatune.models.settings import LstmSettings
from privatune.training.step import learner, train_step

WORDS, RUNS, STEPS, RATE, CLIP = 20_000, 5, 4, 0.75, 5.0
SIZES = {"client": (10, 20), "pretraining": (20, 35)}  # batch size, truncated BPTT length


def plain_step(weights: Weights, text: torch.Tensor, precision: torch.dtype) -> None:
    """One step with autograd: cast weights, forward, cross entropy, backward, clip by global norm, SGD."""
    leaves = {name: weight.requires_grad_() for name, weight in weights.items()}
    cast = {name: weight.to(precision) for name, weight in leaves.items()}
    hidden, _ = hidden_states(cast, cast["embedding"][text[:-1]], zero_state(cast, text.shape[1]))
    logits = torch.addmm(cast["output.bias"], hidden.flatten(0, 1), cast["embedding"].t())
    loss = torch.nn.functional.cross_entropy(logits.float(), text[1:].flatten(), reduction="sum") / text.shape[1]
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    norm = torch.stack([g.norm() for g in gradients]).norm()
    scale = RATE * min(1.0, CLIP / float(norm))
    with torch.no_grad():
        for weight, gradient in zip(leaves.values(), gradients, strict=True):
            weight.sub_(gradient, alpha=scale)


def main() -> None:
    """Time both in turn for each size and precision, and write a row for each."""
    torch.set_num_threads(1)
    rows = []
    for name, (batch, bptt) in SIZES.items():
        text = torch.from_numpy(stream(0, "benchmark text").integers(0, WORDS, (bptt + 1, batch)))
        for precision in (torch.bfloat16, torch.float32):
            weights = initial_weights(LstmSettings(), WORDS, stream(0, "benchmark weights"))
            lm = learner({key: weight.clone() for key, weight in weights.items()}, precision)
            state = zero_state(lm.computing, batch)
            speeds: dict[str, list[float]] = {"ours": [], "plain": []}
            for _ in range(RUNS + 1):
                for which, seconds in speeds.items():
                    start = perf_counter()
                    for _ in range(STEPS):
                        if which == "ours":
                            train_step(lm, text[:-1], text[1:], state, RATE, CLIP)
                        else:
                            plain_step(weights, text, precision)
                    seconds.append(STEPS * batch * bptt / (perf_counter() - start))
            ours, plain = (median(seconds[1:]) for seconds in speeds.values())
            kind = str(precision).removeprefix("torch.")
            rows.append((f"training step, {name}, {kind}", ours, plain, "tokens/s", ours / plain, RUNS))
    write_rows("step", rows)


if __name__ == "__main__":
    main()
