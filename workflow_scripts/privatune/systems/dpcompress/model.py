"""The networks that are trained: the kept blocks of an encoder below a linear head, with some weights removed."""

import copy
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from privatune.core.errors import PrivatuneError
from privatune.models.classifier import Classifier, Upper, Whole, names_in_encoder, trained
from privatune.models.classifier_settings import LinearHead
from privatune.models.encoder import Encoder, upper_blocks
from privatune.models.heads import SPREAD, head
from privatune.models.masked import apply_masks
from privatune.systems.dpcompress.plans import Phase, cached

# Trained weights by their names in the encoder, such as head.weight and blocks.5.attention.self.query.weight
Weights = dict[str, Tensor]


class Model(NamedTuple):
    """A classifier, and the names of its trained parameters in the encoder by their names in the classifier."""

    classifier: Classifier
    names: dict[str, str]

    def weights(self) -> Weights:
        """Return copies of the trained weights."""
        return {self.names[name]: weight.detach().clone() for name, weight in trained(self.classifier).items()}

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Take those of the weights that the model trains."""
        with torch.no_grad():
            for name, weight in trained(self.classifier).items():
                if self.names[name] in weights:
                    weight.copy_(weights[self.names[name]])

    def remove(self, masks: Mapping[str, Tensor]) -> None:
        """Remove the weights at which a mask [out, in] is false, for good."""
        places = {public: name for name, public in self.names.items()}
        apply_masks(self.classifier, {places[public]: mask for public, mask in masks.items()})


def kept_blocks(encoder: Encoder, blocks: tuple[int, ...] | None) -> tuple[int, ...]:
    """Return the numbers of the blocks that a model keeps; raises PrivatuneError if the encoder has fewer."""
    if blocks and max(blocks) >= encoder.blocks:
        raise PrivatuneError(
            f"dpcompress.methods: `blocks` names block {max(blocks)}, but the encoder has blocks 0 to "
            f"{encoder.blocks - 1}; remove it"
        )
    return tuple(range(encoder.blocks)) if blocks is None else blocks


def untrained(encoder: Encoder, phase: Phase, count: int | None, classes: int, rng: np.random.Generator) -> Model:
    """Return the model of a phase with published weights, or random ones in its trained blocks, and a new head.

    Args:
        encoder: the published encoder, which stays as it is.
        phase: which blocks are kept, and how they start.
        count: how many of the last of these are trained; null for the whole encoder.
        classes: the number of classes.
        rng: draws the head, and then random blocks.

    Raises:
        PrivatuneError: the encoder has fewer blocks, or it cannot be cut.
    """
    new_head = head(LinearHead(), np.zeros((classes, encoder.hidden), np.float32), rng)
    if phase.head_only:
        model = Classifier(None, new_head).eval()
        return Model(model, names_in_encoder(model, ()))
    every, kept = upper_blocks(encoder, encoder.blocks), kept_blocks(encoder, phase.blocks)
    if count is None:
        above, body = kept, _whole(encoder, kept)
    else:
        above = kept[cached(kept, count) if phase.blocks is not None else len(kept) - count :]
        first = len(above) - min(count, len(above))
        chosen = [copy.deepcopy(every[block]).requires_grad_() for block in above[first:]]
        body = Upper(nn.ModuleList([*(every[block] for block in above[:first]), *chosen]))
    model = Classifier(body, new_head).eval()
    found = Model(model, names_in_encoder(model, above))
    if phase.start == "random":
        _randomise(found, rng)
    return found


def _whole(encoder: Encoder, kept: tuple[int, ...]) -> nn.Module:
    network = copy.deepcopy(encoder.network).requires_grad_()
    place = encoder.family.blocks
    network.set_submodule(place, nn.ModuleList([network.get_submodule(place)[block] for block in kept]))
    return Whole(network, encoder.family)


def _randomise(model: Model, rng: np.random.Generator) -> None:
    """Draw the weights of trained blocks as BERT's initial ones (Devlin et al. 2019)."""
    with torch.no_grad():
        for name, weight in trained(model.classifier).items():
            if not model.names[name].startswith("blocks."):
                continue
            if weight.dim() > 1:
                weight.copy_(torch.from_numpy(rng.normal(0, SPREAD, tuple(weight.shape))))
            else:
                weight.fill_(0.0 if name.endswith("bias") else 1.0)


def prunable(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the matrices of blocks, from which weights can be removed; not embeddings, biases, norms and the head."""
    return {name: weight for name, weight in weights.items() if name.startswith("blocks.") and weight.dim() == 2}


def smallest_removed(weights: Mapping[str, Tensor], sparsity: float) -> dict[str, Tensor]:
    """Return masks, true where a weight stays, that remove the smallest magnitudes of all matrices together.

    Exactly the share `sparsity` is removed, rounded to a whole number of weights. Weights that an earlier mask made
    zero are the smallest, and so stay removed; of equal weights, the first are removed.
    """
    matrices = prunable(weights)
    flat = torch.cat([weight.abs().flatten() for weight in matrices.values()])
    kept = torch.ones(len(flat), dtype=torch.bool)
    kept[torch.argsort(flat, stable=True)[: round(sparsity * len(flat))]] = False
    sizes = [weight.numel() for weight in matrices.values()]
    return {name: part.view_as(matrices[name]) for name, part in zip(matrices, kept.split(sizes), strict=True)}


def random_removed(like: Mapping[str, Tensor], rng: np.random.Generator) -> dict[str, Tensor]:
    """Return masks that keep as many weights of each matrix as the masks `like`, drawn at random."""
    return {name: torch.from_numpy(rng.permutation(mask.numpy().ravel())).view_as(mask) for name, mask in like.items()}
