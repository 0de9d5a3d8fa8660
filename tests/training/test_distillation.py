"""The loss of a student, against its definition written out in numpy."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from torch.nn.functional import cross_entropy

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.training.distillation import distillation

N, CLASSES = 9, 4
RNG = stream(1, "distillation")
TEACHER = torch.from_numpy(RNG.normal(0, 3, (N, CLASSES))).float()
LABELS = torch.from_numpy(RNG.integers(0, CLASSES, N))
ROWS = torch.tensor([7, 0, 3, 3, 8])
STUDENT = torch.from_numpy(RNG.normal(0, 3, (len(ROWS), CLASSES))).float()


def gradient(loss, logits=STUDENT, rows=ROWS):
    logits = logits.clone().requires_grad_()
    return torch.autograd.grad(loss(logits, rows).sum(), logits)[0]


def test_weight_zero_is_cross_entropy_to_the_bit():
    loss = distillation(LABELS, TEACHER, 0.0, 2.0)
    assert torch.equal(loss(STUDENT, ROWS), cross_entropy(STUDENT, LABELS[ROWS], reduction="none"))
    assert torch.equal(gradient(loss), gradient(lambda s, rows: cross_entropy(s, LABELS[rows], reduction="none")))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_weight_one_and_a_student_like_the_teacher_has_no_loss_and_no_gradient(temperature):
    loss = distillation(None, TEACHER, 1.0, temperature)
    torch.testing.assert_close(loss(TEACHER[ROWS], ROWS), torch.zeros(len(ROWS)), rtol=0, atol=1e-6)
    assert gradient(loss, TEACHER[ROWS]).abs().max() < 1e-6
    assert gradient(loss).abs().max() > 0.01


@pytest.mark.parametrize("weight", [0.4, 1.0])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_losses_and_gradients_are_those_of_the_definition(weight, temperature):
    labels, s = LABELS[ROWS].numpy(), STUDENT.double().numpy()
    t = TEACHER[ROWS].double().numpy() / temperature
    entropy = -log_softmax(s, axis=1)[np.arange(len(s)), labels]
    divergence = (softmax(t, axis=1) * (log_softmax(t, axis=1) - log_softmax(s / temperature, axis=1))).sum(1)
    expected = (1 - weight) * entropy + weight * temperature**2 * divergence
    slope = (1 - weight) * (softmax(s, axis=1) - np.eye(CLASSES)[labels])
    slope = slope + weight * temperature * (softmax(s / temperature, axis=1) - softmax(t, axis=1))
    loss = distillation(LABELS, TEACHER, weight, temperature)
    np.testing.assert_allclose(loss(STUDENT, ROWS).numpy(), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradient(loss).numpy(), slope, rtol=1e-4, atol=1e-5)


def test_the_loss_of_an_example_does_not_depend_on_its_batch():
    loss = distillation(LABELS, TEACHER, 0.4, 2.0)
    alone = torch.cat([loss(STUDENT[i : i + 1], ROWS[i : i + 1]) for i in range(len(ROWS))])
    assert torch.equal(loss(STUDENT, ROWS), alone)
    own = gradient(lambda logits, rows: loss(logits, rows)[2:3])
    assert own[2].any() and not own[[0, 1, 3, 4]].any()


@pytest.mark.parametrize(
    ("labels", "weight", "temperature", "message"),
    [
        (LABELS, -0.1, 1.0, "weight: -0.1"),
        (LABELS, 1.1, 1.0, "weight: 1.1"),
        (LABELS, 0.5, 0.0, "temperature: 0.0"),
        (LABELS, 0.5, np.nan, "temperature: nan"),
        (None, 0.5, 1.0, "each text needs a label"),
        (LABELS[:3], 0.5, 1.0, "each text needs a label"),
    ],
)
def test_what_has_no_meaning_is_refused(labels, weight, temperature, message):
    with pytest.raises(PrivatuneError, match=message):
        distillation(labels, TEACHER, weight, temperature)
