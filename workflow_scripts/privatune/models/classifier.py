"""Sentence classifiers: the trained part of an encoder below a head."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from privatune.core.errors import PrivatuneError
from privatune.models.classifier_settings import BiasesScope, HeadScope, HeadSettings, LoraScope, ScopeSettings
from privatune.models.encoder import Encoder, Family, last_states, quiet_transformers, sentence, through, upper_blocks
from privatune.models.heads import head as new_head


class Classifier(nn.Module):
    """A head on sentence vectors, which `body` computes from states or token ids; without a body, they are given."""

    def __init__(self, body: nn.Module | None, head: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.head = head

    def forward(self, inputs: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Logits [batch, classes].

        Args:
            inputs: what the file `reads` of the scope holds: vectors [batch, hidden], states [batch, length, hidden]
                that enter the classifier's first block, or token ids [batch, length]; padding is on the right.
            mask: [batch, length], true at real tokens.
        """
        return self.head(inputs if self.body is None else self.body(inputs, mask))


class Upper(nn.Module):
    """The last blocks of an encoder, from states to sentence vectors."""

    def __init__(self, blocks: nn.ModuleList) -> None:
        super().__init__()
        self.blocks = blocks

    def forward(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Sentence vectors [batch, hidden]."""
        return sentence(through(self.blocks, states, mask), mask, causal=False)


class Whole(nn.Module):
    """A whole encoder, from token ids to sentence vectors."""

    def __init__(self, network: nn.Module, family: Family) -> None:
        super().__init__()
        self.network = network
        self.family = family

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Sentence vectors [batch, hidden]."""
        return sentence(last_states(self.network, self.family, ids, mask), mask, self.family.causal)


def classifier(
    scope: ScopeSettings,
    head: HeadSettings,
    phrases: np.ndarray,
    rng: np.random.Generator,
    encoder: Encoder | None = None,
    shared: bool = False,
) -> Classifier:
    """Make an untrained classifier, of whose parameters exactly those of the scope and the head require a gradient.

    Args:
        scope: which weights are trained.
        head: what scores the classes.
        phrases: [classes, hidden] the encoder's vectors of the labels' phrases, or zeros where there are no phrases.
        rng: draws initial weights: those of LoRA, then those of the head.
        encoder: the pretrained encoder; the scope `head` needs none.
        shared: whether the classifier trains the encoder's own modules in place, which saves a copy of them. The
            encoder must then not be used for anything else.

    Raises:
        PrivatuneError: the scope needs more blocks than the encoder has, an encoder that can be cut, or weights that
            the encoder does not have; or the head needs phrases.
    """
    body = None
    if not isinstance(scope, HeadScope):
        if encoder is None:
            raise PrivatuneError(f"scope {scope.name}: it trains an encoder; give one")
        body = _body(scope, encoder, shared)
        if isinstance(scope, LoraScope):
            _add_lora(body, scope, encoder.family, rng)
        for name, parameter in body.named_parameters():
            parameter.requires_grad_(_trains(scope, name))
        if not trained(body):
            raise PrivatuneError(f"scope {scope.name}: the encoder has no such weights; choose another scope")
    return Classifier(body, new_head(head, phrases, rng)).eval()


def trained(classifier: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that are trained, by name and always in the same order."""
    return {name: parameter for name, parameter in classifier.named_parameters() if parameter.requires_grad}


def names_in_encoder(classifier: Classifier, blocks: Sequence[int]) -> dict[str, str]:
    """Return the names that trained parameters have in the encoder, by their names in the classifier.

    A block's names begin with its number in the encoder, such as `blocks.5.`; those of the head begin with `head.`.

    Args:
        classifier: a classifier.
        blocks: the numbers, in the encoder, of the blocks of its body, in their order; they do not matter without one.
    """
    body, places = classifier.body, {}
    if isinstance(body, Upper):
        places = {f"body.blocks.{place}.": f"blocks.{block}." for place, block in enumerate(blocks)}
    elif isinstance(body, Whole):
        inside = f"body.network.{body.family.blocks}"
        places = {f"{inside}.{place}.": f"blocks.{block}." for place, block in enumerate(blocks)}
        places["body.network."] = ""
    return {
        name: next((to + name.removeprefix(start) for start, to in places.items() if name.startswith(start)), name)
        for name in trained(classifier)
    }


def encoder_weights(classifier: Classifier, blocks: Sequence[int]) -> dict[str, torch.Tensor]:
    """Return copies of the trained weights by the names of `names_in_encoder`, which has the arguments.

    In place of LoRA's matrices, it has the sum of the product and the matrix beside which they stand:
    W + alpha / rank * B A (Hu et al. 2022, section 4.1).
    """
    found = {}
    for name, public in names_in_encoder(classifier, blocks).items():
        weight = classifier.get_parameter(name)
        place, lora, _ = name.partition(".lora_")
        if lora:
            layer: Any = classifier.get_submodule(place)
            weight = layer.base_layer.weight + layer.get_delta_weight("default")
            public = public.partition(lora)[0] + ".weight"
        found[public] = weight.detach().clone()
    return found


def _body(scope: ScopeSettings, encoder: Encoder, shared: bool) -> nn.Module:
    count = getattr(scope, "count", None)
    part: Any = encoder.network if count is None else upper_blocks(encoder, count)
    if not shared:
        part = copy.deepcopy(part)
    return Whole(part, encoder.family) if count is None else Upper(part)


def _trains(scope: ScopeSettings, name: str) -> bool:
    if isinstance(scope, LoraScope):
        return "lora_" in name
    return name.endswith("bias") if isinstance(scope, BiasesScope) else True


def _add_lora(body: nn.Module, scope: LoraScope, family: Family, rng: np.random.Generator) -> None:
    """Put LoRA's matrices beside the query and value matrices: A is uniform as in nn.Linear, and B is zero."""
    quiet_transformers()
    import peft  # here, not above: it takes a second, and other scopes do not need it

    settings = peft.LoraConfig(r=scope.rank, lora_alpha=scope.alpha, target_modules=list(family.lora), lora_dropout=0.0)
    peft.inject_adapter_in_model(settings, body)
    with torch.no_grad():
        for name, weight in body.named_parameters():
            if "lora_A" in name:
                bound = weight.shape[1] ** -0.5
                weight.copy_(torch.from_numpy(rng.uniform(-bound, bound, tuple(weight.shape))))
