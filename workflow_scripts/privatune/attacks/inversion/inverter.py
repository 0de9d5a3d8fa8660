"""Inverter: the posterior of `posterior`, to which one small transformer block adds what the sentence says.

The block sees all states of a sentence and moves each of them; it starts by moving none, so the untrained inverter is
the attack `posterior`. It is trained on public text by a sampled softmax, and the epoch that recovers the most tokens
of held-out public sentences is used; epoch 0, before any training, is one of them.
"""

import copy
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from privatune.attacks.inversion.attack import TOP, Public, Sent, highest, log_prior
from privatune.attacks.inversion.posterior import Model, model
from privatune.attacks.inversion_settings import InversionSettings
from privatune.core.streams import stream
from privatune.privacy.metric import of_text

_HEADS = 4
_SENTENCES = 64  # of one forward pass without gradients
_JUDGED = 1500  # held-out tokens that decide on the epoch


class _Batch(NamedTuple):
    """Some sentences, padded; `rows` are the places of their real tokens in the file."""

    states: torch.Tensor  # [sentences, length, hidden]
    real: torch.Tensor  # [sentences, length] bool
    rows: np.ndarray  # [tokens]


class _Inverter(nn.Module):
    """Moves whitened states [sentences, length, hidden]."""

    def __init__(self, hidden: int, width: int, scale: torch.Tensor, rng: np.random.Generator) -> None:
        super().__init__()
        with torch.device("meta"):  # the weights are drawn below
            self.inward = nn.Conv1d(hidden, width, 3, padding=1)  # three neighbours, which tells the order of tokens
            self.block = nn.TransformerEncoderLayer(width, _HEADS, 2 * width, 0.0, batch_first=True, norm_first=True)
            self.outward = nn.Linear(width, hidden)
        self.to_empty(device="cpu")
        self.scale = scale
        with torch.no_grad():
            for name, weight in self.named_parameters():
                if weight.dim() > 1 and not name.startswith("outward"):
                    bound = (weight[0].numel()) ** -0.5
                    weight.copy_(torch.from_numpy(rng.uniform(-bound, bound, tuple(weight.shape))))
                else:
                    weight.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)

    def forward(self, batch: _Batch) -> torch.Tensor:
        """[tokens, hidden] of the real tokens."""
        inputs = batch.states / self.scale
        narrow = self.inward(inputs.transpose(1, 2)).transpose(1, 2)
        moved = self.outward(self.block(narrow, src_key_padding_mask=~batch.real)[batch.real])
        return batch.states[batch.real] + moved


def guesses(sent: Sent, public: Public, settings: InversionSettings, seed: int) -> np.ndarray:
    """[tokens, 5] int64; see `attack.guess`."""
    learnt = model(public, settings)
    inverter = _trained(public, learnt, settings, seed)
    return highest(_moved(inverter, learnt.whitened(sent.states), sent.offsets), learnt.means, learnt.bias, TOP)


def _trained(public: Public, learnt: Model, settings: InversionSettings, seed: int) -> _Inverter:
    """Train on the first public sentences, and return the inverter of the best epoch on the others."""
    rng = stream(seed, "inverter")
    states = learnt.whitened(public.states)
    sentences = len(public.offsets) - 1
    kept = max(1, round(sentences * (1 - settings.validation_share)))
    held_out = np.arange(min(kept, sentences - 1), sentences)
    inverter = _Inverter(states.shape[1], settings.width, states.std(0) + 1e-6, rng)
    best, share = copy.deepcopy(inverter), _share(inverter, states, public, learnt, held_out)
    steps = settings.epochs * -(-kept // settings.batch)
    optimizer = torch.optim.AdamW(inverter.parameters(), settings.rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    # half of the wrong tokens are drawn as often as in public text, half uniformly
    chances = (np.exp(log_prior(public).astype(np.float64)) + 1 / len(public.table)) / 2
    drawn_log = torch.from_numpy(np.log(-np.expm1(-settings.sampled * chances))).float()
    cumulated = np.cumsum(chances) / chances.sum()
    ids, text = torch.from_numpy(public.ids.astype(np.int64)), torch.from_numpy(of_text(public.offsets))
    for _ in range(settings.epochs):
        order = rng.permutation(kept)
        for batch in _batches(states, public.offsets, order, settings.batch):
            wrong = torch.from_numpy(np.unique(np.searchsorted(cumulated, rng.random(settings.sampled))))
            of_words = text[batch.rows]
            moved, right = inverter(batch)[of_words], ids[batch.rows][of_words]
            optimizer.zero_grad()
            _loss(moved, right, wrong, learnt, drawn_log).backward()
            nn.utils.clip_grad_norm_(inverter.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        if (now := _share(inverter, states, public, learnt, held_out)) > share:
            best, share = copy.deepcopy(inverter), now
    return best


def _loss(
    moved: torch.Tensor, right: torch.Tensor, wrong: torch.Tensor, learnt: Model, drawn_log: torch.Tensor
) -> torch.Tensor:
    """Sampled softmax with the correction for how likely each token was to be drawn (Jean et al. 2015)."""
    bias = learnt.bias - drawn_log
    own = (moved * learnt.means[right]).sum(1) + bias[right]
    others = torch.addmm(bias[wrong], moved, learnt.means[wrong].T)
    others = others.masked_fill(right[:, None] == wrong, -torch.inf)
    scores = torch.cat([own[:, None], others], dim=1)
    return functional.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.int64))


def _share(inverter: _Inverter, states: torch.Tensor, public: Public, learnt: Model, sentences: np.ndarray) -> float:
    """Share of the tokens of some public sentences that are recovered, among the tokens that public text has."""
    known, place = np.unique(public.ids, return_inverse=True)
    starts = public.offsets[sentences[0]]
    offsets = public.offsets[sentences[0] :] - starts
    rows = np.flatnonzero(of_text(offsets))
    rows = rows[:: -(-len(rows) // _JUDGED) or 1]
    moved = _moved(inverter, states[starts:], offsets)[rows]
    found = highest(moved, learnt.means[known], learnt.bias[known], 1)[:, 0]
    return float((found == place[starts:][rows]).mean()) if len(rows) else 0.0


def _moved(inverter: _Inverter, states: torch.Tensor, offsets: np.ndarray) -> torch.Tensor:
    """[tokens, hidden]: what the inverter makes of all sentences."""
    moved = torch.empty_like(states)
    order = np.argsort(-np.diff(offsets), kind="stable")
    with torch.no_grad():
        for batch in _batches(states, offsets, order, _SENTENCES):
            moved[batch.rows] = inverter(batch)
    return moved


def _batches(states: torch.Tensor, offsets: np.ndarray, order: np.ndarray, size: int) -> Iterator[_Batch]:
    lengths = np.diff(offsets)
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        places = np.arange(lengths[chosen].max())
        real = places < lengths[chosen][:, None]
        rows = (offsets[chosen][:, None] + places)[real]
        padded = states.new_zeros(*real.shape, states.shape[1])
        mask = torch.from_numpy(real)
        padded[mask] = states[rows]
        yield _Batch(padded, mask, rows)
