"""An encoder that is cut in two: the bottom is the customer's and frozen, the top is the vendor's and trained.

The cut k is 0 (after the embeddings) or a number of blocks that stay with the customer. At least one block is the
vendor's.
"""

import copy

import numpy as np
import torch
from torch import nn

from privatune.core.errors import PrivatuneError
from privatune.models.classifier import Classifier, classifier
from privatune.models.classifier_settings import BlocksScope, HeadSettings, LoraScope
from privatune.models.encoder import FAMILIES, Encoder, lower, through, upper_blocks


class Top(nn.Module):
    """The vendor's part: blocks that stay frozen, and then the classifier, which has the blocks that are trained."""

    def __init__(self, frozen: nn.ModuleList, classifier: Classifier) -> None:
        super().__init__()
        self.frozen = frozen
        self.classifier = classifier

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Logits [batch, classes] of states [batch, length, hidden] that left the bottom; `mask` as `bottom` takes."""
        return self.classifier(through(self.frozen, states, mask), mask)


def check_cut(encoder: Encoder, cut: int) -> None:
    """Raise PrivatuneError if an encoder cannot be cut after `cut` blocks."""
    if encoder.family.causal:
        able = ", ".join(name for name, family in FAMILIES.items() if not family.causal)
        raise PrivatuneError(
            f"split.encoder: an encoder of type {encoder.network.config.model_type} cannot be split; choose one of "
            f"type {able}"
        )
    if not 0 <= cut < encoder.blocks:
        raise PrivatuneError(
            f"split.cuts, --cut: a cut after {cut} of {encoder.blocks} blocks leaves the vendor none to train; choose "
            f"0 to {encoder.blocks - 1}"
        )


def bottom(encoder: Encoder, ids: torch.Tensor, mask: torch.Tensor, cut: int) -> torch.Tensor:
    """States [batch, length, hidden] that leave the customer's part, before they are privatised.

    Args:
        encoder: a whole encoder; nothing of it is trained.
        ids: [batch, length] token ids; padding is on the right.
        mask: [batch, length], true at real tokens.
        cut: how many blocks the customer has.

    Raises the errors of `check_cut`.
    """
    check_cut(encoder, cut)
    with torch.inference_mode():
        return lower(encoder, ids, mask, cut)


def top(
    encoder: Encoder,
    cut: int,
    scope: BlocksScope | LoraScope,
    head: HeadSettings,
    phrases: np.ndarray,
    rng: np.random.Generator,
) -> Top:
    """Make the vendor's untrained part; the encoder itself stays as it is, so that it serves further customers.

    Args:
        encoder: a whole encoder.
        cut: how many blocks the customer has.
        scope: what is trained in how many of the last blocks; a count above the number of the vendor's blocks, or
            none, means all of these.
        head, phrases, rng: as `classifier` takes them.

    Raises the errors of `check_cut` and of `classifier`.
    """
    check_cut(encoder, cut)
    vendors = encoder.blocks - cut
    count = min(scope.count or vendors, vendors)
    frozen = copy.deepcopy(upper_blocks(encoder, vendors)[: vendors - count])
    return Top(frozen, classifier(scope.model_copy(update={"count": count}), head, phrases, rng, encoder))
