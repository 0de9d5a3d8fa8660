"""The network that is deployed: the blocks that a model keeps with their trained weights, and the head."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import map_tensors
from privatune.models.classifier import Classifier, Whole
from privatune.models.encoder import Encoder, load_encoder

_BLOCK = re.compile(r"blocks\.(\d+)\.(.+)")


class Deployed(NamedTuple):
    """A classifier of sentences that needs nothing besides token ids."""

    network: Classifier  # from ids int64 [batch, length] and mask bool [batch, length] to logits [batch, classes]
    blocks: list[int]  # numbers, in the encoder, of the blocks that it keeps
    classes: list[str]  # the labels, in the order of the logits


def deployed(folder: str | Path, models: str | Path, seed: int) -> Deployed:
    """Assemble a network in evaluation mode, whose float32 weights require no gradient, and in which nothing drops out.

    What the file does not hold stays as published.

    Args:
        folder: the encoder, as the rule `encoder` writes it.
        models: trained weights by the names `{seed}/head.weight` and `{seed}/head.bias` of a linear head, and those of
            `names_in_encoder`, such as `{seed}/blocks.5.…`. The header has the `blocks` that are kept, by seed, or null
            for all of them, and the `classes`.
        seed: which of its models.

    Raises:
        PrivatuneError: a file is missing or damaged, has no model of this seed, or does not fit the encoder.
    """
    encoder = load_encoder(folder)
    arrays, about = map_tensors(models, own=True)
    prefix = f"{seed}/"
    weights = {
        name.removeprefix(prefix): torch.from_numpy(array) for name, array in arrays.items() if name.startswith(prefix)
    }
    try:
        blocks, classes = about["blocks"][str(seed)], about["classes"]
        head = _head(weights.pop("head.weight"), weights.pop("head.bias"))
    except KeyError as error:
        raise PrivatuneError(
            f"{models}: no model of seed {seed} ({error} is missing); delete it and run again"
        ) from None
    for name, weight in weights.items():
        _replace(encoder, name, weight, models)
    if blocks is None:
        blocks = list(range(encoder.blocks))
    return Deployed(_network(encoder, blocks, head, models), blocks, classes)


def _head(weight: torch.Tensor, bias: torch.Tensor) -> nn.Linear:
    head = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    head.load_state_dict({"weight": weight, "bias": bias}, assign=True)
    return head


def _replace(encoder: Encoder, name: str, weight: torch.Tensor, models: str | Path) -> None:
    """Put a trained weight into the encoder."""
    network = encoder.network
    if found := _BLOCK.fullmatch(name):
        name = f"{encoder.family.blocks}.{found[1]}.{found[2]}"
    own = dict(network.named_parameters()).get(name)
    if own is None or own.shape != weight.shape:
        raise PrivatuneError(f"{models}: the encoder has no weight {name} of its shape; delete it and run again")
    own.data = weight


def _network(encoder: Encoder, blocks: list[int], head: nn.Linear, models: str | Path) -> Classifier:
    """The encoder with some of its blocks, below the head."""
    every: Any = encoder.network.get_submodule(encoder.family.blocks)
    if not set(blocks) <= set(range(len(every))) or head.in_features != encoder.hidden:
        raise PrivatuneError(f"{models}: its blocks or its head do not fit the encoder; delete it and run again")
    encoder.network.set_submodule(encoder.family.blocks, nn.ModuleList(every[block] for block in blocks))
    network = Classifier(Whole(encoder.network, encoder.family), head)
    return network.eval().requires_grad_(False)
