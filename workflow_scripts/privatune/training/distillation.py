"""The loss of a student that learns from a teacher's logits, by example, so that it can be clipped by example."""

import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax

from privatune.core.errors import PrivatuneError
from privatune.training.clipped import Loss, cross_entropies


def distillation(labels: Tensor | None, teacher_logits: Tensor, weight: float, temperature: float) -> Loss:
    """Return the student's loss on targets that are row numbers, int64 [batch], of the labels and the teacher's logits.

    It is (1 - weight) CE(y, s) + weight T^2 KL(softmax(t / T) || softmax(s / T)) for labels y, logits s of the student
    and t of the teacher, as in algorithm 1 of Mireshghallah et al. (2022); T^2 keeps gradients of equal size at any
    temperature (Hinton et al. 2015). A loss depends on other examples only through the teacher.

    Args:
        labels: int64 [n]; None if the weight is 1, for text without labels.
        teacher_logits: float32 [n, classes], on the device of the student's logits.
        weight: what share of the loss is the teacher's, from 0 to 1.
        temperature: T.

    Raises:
        PrivatuneError: the weight or the temperature is out of range, or labels are missing.
    """
    if not 0 <= weight <= 1:
        raise PrivatuneError(f"weight: {weight} is not a share of the loss; set a number from 0 to 1")
    if not 0 < temperature < torch.inf:
        raise PrivatuneError(f"temperature: {temperature} cannot divide logits; set a number above 0")
    if weight < 1 and (labels is None or len(labels) != len(teacher_logits)):
        raise PrivatuneError("weight: below 1, each text needs a label; give labels, or set the weight to 1")
    taught = log_softmax(teacher_logits / temperature, dim=1)

    def loss(logits: Tensor, rows: Tensor) -> Tensor:
        parts = []
        if labels is not None and weight < 1:
            parts.append((1 - weight) * cross_entropies(logits, labels[rows]))
        if weight > 0:
            student = log_softmax(logits / temperature, dim=1)
            apart = kl_div(student, taught[rows], reduction="none", log_target=True).sum(1)
            parts.append(weight * temperature**2 * apart)
        return sum(parts[1:], parts[0])

    return loss
