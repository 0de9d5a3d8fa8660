"""Sentence encoders: networks of transformers, of which the lower and the upper blocks can run apart."""

import logging
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json
from privatune.core.tensors import map_tensors


class Family(NamedTuple):
    """What must be known of the networks of one type."""

    network: str  # class of transformers without a head
    blocks: str  # place of its list of blocks
    lora: tuple[str, ...]  # names of the query and value matrices of a block
    pooled: bool = False  # whether it has token types, and a pooler that must be left out
    causal: bool = False  # whether a token sees only those before it; such a network is not cut between blocks


# by the `model_type` of config.json
FAMILIES = {
    "bert": Family("BertModel", "encoder.layer", ("query", "value"), pooled=True),
    "roberta": Family("RobertaModel", "encoder.layer", ("query", "value"), pooled=True),
    "xlm-roberta": Family("XLMRobertaModel", "encoder.layer", ("query", "value"), pooled=True),
    "distilbert": Family("DistilBertModel", "transformer.layer", ("q_lin", "v_lin")),
    "opt": Family("OPTModel", "decoder.layers", ("q_proj", "v_proj"), causal=True),
    "llama": Family("LlamaModel", "layers", ("q_proj", "v_proj"), causal=True),
}


class Encoder(NamedTuple):
    """A network in evaluation mode with float32 weights, and its sizes."""

    network: Any  # a PreTrainedModel of transformers
    family: Family
    blocks: int  # how many blocks it has
    hidden: int  # width of its states
    longest: int  # tokens of the longest input


def load_encoder(folder: str | Path) -> Encoder:
    """Read an encoder that the rule `encoder` wrote; no weight requires a gradient, and dropout is zero in any mode.

    Memory peaks at little more than the weights. Raises PrivatuneError naming the file that is missing or damaged.
    """
    values = read_json(Path(folder) / "config.json")
    arrays, _ = map_tensors(Path(folder) / "model.safetensors", own=True)
    return encoder_of(bare_network(values, {name: torch.from_numpy(array) for name, array in arrays.items()}))


def bare_network(values: dict[str, Any], weights: dict[str, torch.Tensor]) -> nn.Module:
    """Make the network that a config.json describes, without head, pooler and dropout; it takes `weights` as they are.

    Raises PrivatuneError when its type is not among `FAMILIES`.
    """
    family = FAMILIES.get(values.get("model_type", ""))
    if family is None:
        raise PrivatuneError(
            f"config.json: model_type is {values.get('model_type', 'missing')}; the types are {', '.join(FAMILIES)}"
        )
    transformers = quiet_transformers()
    config = transformers.AutoConfig.for_model(**values)
    for name in vars(config):
        if "drop" in name:
            setattr(config, name, 0.0)
    kind = getattr(transformers, family.network)
    more = {"add_pooling_layer": False} if family.pooled else {}
    network = kind.from_pretrained(None, config=config, state_dict=weights, dtype=torch.float32, **more)
    return network.eval().requires_grad_(False)


def encoder_of(network: Any) -> Encoder:
    """Describe a network that `bare_network` made."""
    config, family = network.config, FAMILIES[network.config.model_type]
    return Encoder(
        network,
        family,
        len(network.get_submodule(family.blocks)),
        getattr(config, "word_embed_proj_dim", config.hidden_size),
        config.max_position_embeddings - _first_position(network),
    )


def quiet_transformers() -> Any:
    """Import transformers, which then neither shows progress or warnings nor asks the network for anything."""
    import transformers  # here, not above: it takes seconds, and jobs that read cached vectors do not need it

    transformers.logging.set_verbosity(logging.CRITICAL)
    transformers.logging.disable_progress_bar()
    return transformers


def _first_position(network: Any) -> int:
    """Number of the first position; RoBERTa begins after that of the padding token."""
    return network.config.pad_token_id + 1 if "roberta" in network.config.model_type else 0


def embedded(network: Any, family: Family, ids: torch.Tensor) -> torch.Tensor:
    """States [batch, length, hidden] that enter the first block of a network that can be cut, from token ids."""
    more = {"token_type_ids": torch.zeros_like(ids)} if family.pooled else {}
    return network.embeddings(input_ids=ids, position_ids=_positions(network, ids), **more)


def _positions(network: Any, ids: torch.Tensor) -> torch.Tensor:
    """[batch, length], a row per example: with one row for all, gradients by example would be those of the batch."""
    first = _first_position(network)
    row = torch.arange(first, first + ids.shape[1], device=ids.device)
    return row.expand(ids.shape).contiguous()


def through(blocks: Any, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """States [batch, length, hidden] after some consecutive blocks; `mask` [batch, length] is true at real tokens."""
    seen = mask[:, None, None, :]
    for block in blocks:
        states = block(states, seen)
    return states


def last_states(network: Any, family: Family, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """States [batch, length, hidden] after the whole network; padding must be on the right."""
    if family.causal:
        positions = _positions(network, ids)
        return network(input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False).last_hidden_state
    return through(network.get_submodule(family.blocks), embedded(network, family, ids), mask)


def lower(encoder: Encoder, ids: torch.Tensor, mask: torch.Tensor, block: int) -> torch.Tensor:
    """States [batch, length, hidden] that enter block `block`, from token ids; those of block 0 are the embeddings.

    `through(upper_blocks(encoder, count), states, mask)` takes them to the end. Raises the errors of `upper_blocks`.
    """
    blocks = upper_blocks(encoder, encoder.blocks)[:block]
    return through(blocks, embedded(encoder.network, encoder.family, ids), mask)


def upper_blocks(encoder: Encoder, count: int) -> Any:
    """The last `count` blocks; raises PrivatuneError when there are fewer, or the network cannot be cut."""
    if encoder.family.causal:
        raise PrivatuneError(
            f"an encoder of type {encoder.network.config.model_type} is not cut between blocks; set the scope `head` or"
            " `all`, or leave `count` out"
        )
    if count > encoder.blocks:
        raise PrivatuneError(f"count: the encoder has {encoder.blocks} blocks, fewer than {count}; lower it")
    return encoder.network.get_submodule(encoder.family.blocks)[encoder.blocks - count :]


def sentence(states: torch.Tensor, mask: torch.Tensor, causal: bool) -> torch.Tensor:
    """Sentence vectors [batch, hidden] in float32: the mean over real tokens, or the last one if `causal`."""
    if causal:
        last = (mask.sum(1) - 1)[:, None, None].expand(-1, 1, states.shape[2])
        return states.gather(1, last)[:, 0].float()
    real = mask[:, :, None]
    return (states.float() * real).sum(1) / real.sum(1)
