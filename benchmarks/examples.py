"""Time steps of per-example clipping against plain ones, and a step of MeZO in place against two forward passes.

`make bench` runs it: python benchmarks/examples.py. It writes results/benchmarks/examples.csv. The network is a random
BERT with two blocks as wide as MiniLM's, and a small vocabulary. Half the weights of its blocks are pruned where a row
says so.
"""

from collections.abc import Callable
from statistics import median
from time import perf_counter

import numpy as np
import torch
from common import write_rows
from torch.nn.functional import cross_entropy

from privatune.core.streams import stream
from privatune.models.classifier import Classifier, classifier, trained
from privatune.models.classifier_settings import AllScope, LinearHead
from privatune.models.encoder import encoder_of, quiet_transformers
from privatune.models.masked import apply_masks
from privatune.training.clipped import clipped_sum
from privatune.training.opacus import opacus_step
from privatune.training.zeroth_order import ZerothOrder, train

BATCH, TOKENS, WORDS, CLASSES, RUNS = 32, 32, 1000, 6, 5
Work = Callable[[], object]


def network() -> Classifier:
    """Make the same classifier each time, all of which is trained."""
    transformers = quiet_transformers()
    sizes = {"hidden_size": 384, "num_hidden_layers": 2, "num_attention_heads": 12, "intermediate_size": 1536}
    dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    config = transformers.BertConfig(vocab_size=WORDS, **sizes, **dropout)
    encoder = encoder_of(transformers.BertModel(config, add_pooling_layer=False).eval())
    phrases = np.zeros((CLASSES, 384), np.float32)
    return classifier(AllScope(name="all"), LinearHead(), phrases, stream(0, "benchmark head"), encoder, shared=True)


def pruned() -> Classifier:
    """Make the same classifier with random masks on the matrices of its blocks."""
    model, rng = network(), stream(0, "benchmark masks")
    layers = {name: weight for name, weight in model.named_parameters() if ".layer." in name and weight.dim() == 2}
    apply_masks(model, {name: torch.from_numpy(rng.random(weight.shape) < 0.5) for name, weight in layers.items()})
    return model


def works() -> dict[str, tuple[str, Work, Work]]:
    """By name of a comparison: what one run of it is, the timed work, and the baseline."""
    inputs = torch.from_numpy(stream(0, "benchmark ids").integers(0, WORDS, (BATCH, TOKENS)))
    mask = torch.ones_like(inputs, dtype=torch.bool)
    labels = torch.from_numpy(stream(0, "benchmark labels").integers(0, CLASSES, BATCH))
    batch = [(inputs, mask, labels)]
    plain, ours, theirs, moved, masked = network(), network(), network(), network(), pruned()
    opacus = opacus_step(theirs, 1e-6, 1.0, 0.0, BATCH, 0, ghost=True)
    optimizer = torch.optim.AdamW(trained(plain).values(), 1e-6, weight_decay=0.0)
    mezo = ZerothOrder(steps=1, batch=BATCH, rate=1e-6)

    def plain_step() -> None:
        optimizer.zero_grad()
        cross_entropy(plain(inputs, mask), labels).backward()
        optimizer.step()

    def clipping(model: Classifier) -> Work:
        own = torch.optim.AdamW(trained(model).values(), 1e-6, weight_decay=0.0)

        def step() -> None:
            sums = clipped_sum(model, batch, 1.0).sums
            for name, weight in trained(model).items():
                weight.grad = sums[name]
            own.step()

        return step

    def two_passes() -> None:
        with torch.inference_mode():
            moved(inputs, mask)
            moved(inputs, mask)

    return {
        "clipped step, beside a plain one": ("steps/s", clipping(ours), plain_step),
        "clipped step of masked layers, beside a plain one of dense layers": ("steps/s", clipping(masked), plain_step),
        "Opacus' clipped step, beside a plain one": ("steps/s", lambda: opacus(*batch[0]), plain_step),
        "MeZO's step in place, beside two forward passes": (
            "steps/s",
            lambda: train(moved, lambda step: batch, mezo, 0),
            two_passes,
        ),
    }


def main() -> None:
    """Time each pair in turn, and write a row for it."""
    torch.set_num_threads(1)
    rows = []
    for name, (unit, work, baseline) in works().items():
        seconds: tuple[list[float], list[float]] = ([], [])
        for _ in range(RUNS + 1):
            for timed, found in zip((work, baseline), seconds, strict=True):
                start = perf_counter()
                timed()
                found.append(perf_counter() - start)
        fast, slow = (1 / median(found[1:]) for found in seconds)
        rows.append((name, fast, slow, unit, fast / slow, RUNS))
    write_rows("examples", rows)


if __name__ == "__main__":
    main()
