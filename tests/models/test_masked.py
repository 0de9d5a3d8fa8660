"""Masked linear layers: what is replaced, and what stays."""

import pytest
import torch
from torch import nn

from privatune.core.errors import PrivatuneError
from privatune.models.masked import MaskedLinear, apply_masks, masks_of


def network():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 8), nn.Sequential(nn.Tanh(), nn.Linear(8, 3, bias=False))).eval()


def mask(rows, columns):
    return torch.arange(rows * columns).view(rows, columns) % 3 > 0


MASKS = {"0.weight": mask(8, 6), "1.1.weight": mask(3, 8)}


def test_only_pruned_weights_change_and_parameters_stay_the_same_objects():
    masked, dense = network(), network()
    masked[0].weight.requires_grad_(False)
    before = dict(masked.named_parameters())
    apply_masks(masked, MASKS)
    after = dict(masked.named_parameters())
    assert list(after) == list(before) and all(after[name] is before[name] for name in before)
    for name, kept in MASKS.items():
        assert torch.equal(after[name], torch.where(kept, dense.get_parameter(name), 0))
    assert [value.requires_grad for value in after.values()] == [False, True, True]
    assert torch.equal(after["0.bias"], dense[0].bias)
    assert type(masked[0]) is type(masked[1][1]) is MaskedLinear and not masked[0].training


def test_the_forward_pass_is_that_of_the_weights():
    masked, dense, inputs = network(), network(), torch.ones(2, 5, 6)
    apply_masks(masked, MASKS)
    for name, kept in MASKS.items():
        dense.get_parameter(name).data *= kept
    assert torch.equal(masked(inputs), dense(inputs))


def test_state_dictionaries_are_those_of_dense_layers():
    masked, dense = network(), network()
    apply_masks(masked, MASKS)
    dense.load_state_dict(masked.state_dict())
    assert torch.equal(masked(torch.ones(1, 6)), dense(torch.ones(1, 6)))


def test_masks_can_be_read_and_applied_again():
    first, second = network(), network()
    apply_masks(first, MASKS)
    assert list(masks_of(first)) == list(MASKS) and masks_of(second) == {}
    apply_masks(second, masks_of(first))
    first.load_state_dict(network().state_dict())
    apply_masks(first, masks_of(first))
    for name, value in first.named_parameters():
        assert torch.equal(value, second.get_parameter(name))


def test_a_second_mask_replaces_the_first():
    model, fewer = network(), mask(8, 6) & (torch.arange(6) < 3)
    apply_masks(model, MASKS)
    apply_masks(model, {"0.weight": fewer})
    assert torch.equal(masks_of(model)["0.weight"], fewer)
    assert torch.equal(model[0].weight != 0, fewer)


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({"0.bias": torch.ones(8, dtype=torch.bool)}, "0.bias: not the weight of a linear layer"),
        ({"1.weight": mask(8, 6)}, "1.weight: not the weight of a linear layer"),
        ({"0.weight": mask(6, 8)}, r"0.weight: the mask is torch.bool \[6, 8\]; give torch.bool \[8, 6\]"),
        ({"0.weight": mask(8, 6).float()}, r"0.weight: the mask is torch.float32"),
    ],
)
def test_what_has_no_such_mask_is_refused_before_anything_changes(masks, message):
    model = network()
    with pytest.raises(PrivatuneError, match=message):
        apply_masks(model, {"1.1.weight": mask(3, 8), **masks})
    assert masks_of(model) == {}
