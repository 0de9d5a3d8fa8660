"""The model card: what a model was trained on, what protects that text, how good and large it is, and how to use it."""

from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

NO_GUARANTEE = "no guarantee"
HEADINGS = {
    "ppl_general": "perplexity, general text",
    "ppl_user": "perplexity, persons' text",
    "kss_general": "keystrokes saved, general text, %",
    "kss_user": "keystrokes saved, persons' text, %",
    "recall1_user": "first suggestion right, persons' text, %",
    "recall3_user": "one of three suggestions right, persons' text, %",
    "accuracy": "accuracy on the test part, %",
}
_TUNED = (
    " It covers one training: if rates or clips were chosen by trials on the same sentences, those are not covered."
)
_TRAINING = "system scenario variant method set encoder seed round".split()
_FILES = {"float32": "model.onnx", "int8": "model.int8.onnx"}
_LANGUAGE_MODEL = """\
Both files take `words` (int64, [time, batch]) and the state, and return `logits` ([time, batch, vocabulary]) of the
word after each, and the next state. The state before the first word is zero. Ids 0 and 1 are `<unk>` and `<eos>`, the
end of a line.

    import json, os
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"   # before the import: onnxruntime otherwise reports to its maker
    import numpy as np, onnxruntime, tokenizers

    tokenizer = tokenizers.Tokenizer.from_file("tokenizer.json")
    model = onnxruntime.InferenceSession("model.int8.onnx")
    state = {name: np.zeros(shape, np.float32) for name, shape in json.load(open("about.json"))["state"].items()}
    for word in tokenizer.encode("how are").ids:
        logits, *after = model.run(None, {"words": np.array([[word]]), **state})
        state = dict(zip(state, after))
    print([tokenizer.id_to_token(int(i)) for i in np.argsort(-logits[0, 0, 2:])[:3] + 2])   # three suggestions
"""
_CLASSIFIER = """\
Both files take `ids` (int64, [batch, length]) and `mask` (bool, [batch, length], true at real tokens), and return
`logits` ([batch, classes]). The classes are in `about.json` and in the metadata of the files.

    import json, os
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"   # before the import: onnxruntime otherwise reports to its maker
    import numpy as np, onnxruntime, tokenizers

    ids = np.array([tokenizers.Tokenizer.from_file("tokenizer.json").encode("Who wrote Hamlet ?").ids])
    model = onnxruntime.InferenceSession("model.int8.onnx")
    (logits,) = model.run(None, {"ids": ids, "mask": np.ones_like(ids, bool)})
    print(json.load(open("about.json"))["classes"][logits[0].argmax()])
"""
_USE = {"language model": _LANGUAGE_MODEL, "classifier": _CLASSIFIER}


def card(about: Mapping[str, Any]) -> str:
    """Return the model card in Markdown of what `about.json` holds."""
    training = ", ".join(f"{key} {about['training'][key]}" for key in _TRAINING if key in about["training"])
    sections = {
        "What it was trained on": [*_texts(about["texts"]), _LICENCES],
        "What is proved about that text": [guarantee(about)],
        "Quality and costs": [*_measures(about), _quantised(about)],
        "How to use it": [_USE[about["kind"]]],
        "Files": [_CHECK],
    }
    body = "\n\n".join(f"## {title}\n\n" + "\n".join(lines).strip() for title, lines in sections.items())
    return (
        f"# {about['name']}\n\nA {about['kind']} of {about['parameters']:,} weights that knows {about['vocabulary']:,} "
        f"{'words' if about['kind'] == 'language model' else 'pieces of words'} ({training}). Privatune trained and "
        f"exported it.\n\n{body}\n"
    )


_LICENCES = (
    "\nThe licences are those that the sources state. They concern the texts, and perhaps what is made from them."
)
_CHECK = "`sha256sum -c SHA256SUMS` checks the files. `about.json` holds what this card says, for programs."


def _texts(texts: list[dict[str, Any]]) -> Iterator[str]:
    yield "| text | use | size | licence | note |\n|---|---|---|---|---|"
    for text in texts:
        size = " of ".join(f"{text[unit]:,} {unit}" for unit in ("words", "persons") if unit in text)
        size += f", of whom {text['took_part']:,} took part" if "took_part" in text else ""
        yield f"| {text['corpus']} | {text['use']} | {size or '–'} | {text['licence']} | {text['note'] or '–'} |"


def guarantee(about: Mapping[str, Any]) -> str:
    """Return what is proved about the private text of a model, in sentences; an epsilon stands beside its delta."""
    if not any(text["use"] == "private" for text in about["texts"]):
        return "It saw no private text."
    if about["epsilon"] is None:
        return f"There is {NO_GUARANTEE}: the private text was used without noise, and the model may repeat some of it."
    stated = about["guarantee"]
    seeds = (
        ""
        if stated["secure"]
        else " The seeds of noise and sampling are public, so this model shows the method and protects nobody."
    )
    return (
        f"Epsilon {about['epsilon']:.3g} at delta {about['delta']:.2g}, for one {stated['unit']} "
        f"({stated['adjacency']}). It is that of this model alone; other models of the same text add to it."
        f"{_TUNED if about['kind'] == 'classifier' else ''}{seeds}"
    )


def _measures(about: Mapping[str, Any]) -> Iterator[str]:
    unit = "word" if about["kind"] == "language model" else "sentence"
    yield "| | " + " | ".join(f"`{name}`" for name in _FILES.values()) + " |\n|---|---:|---:|"
    rows = {
        HEADINGS[name]: [f"{about['measures'][form][name]:,.1f}" for form in _FILES]
        for name in about["measures"]["int8"]
    }
    rows["size, MB"] = [f"{about['bytes'][form] / 1e6:,.2f}" for form in _FILES]
    threads = "one thread" if about["threads"] == 1 else f"{about['threads']} threads"
    rows[f"milliseconds per {unit}, {threads}"] = [f"{1000 * median(about['seconds'][form]):.3g}" for form in _FILES]
    for heading, cells in rows.items():
        yield f"| {heading} | {' | '.join(cells)} |"


def _quantised(about: Mapping[str, Any]) -> str:
    return (
        "\nQuality is measured on text that no training saw. Times are for one word or sentence at a time, as in use, "
        "and so is the quality of a language model in 8 bits. `model.int8.onnx` stores weights in 8 bits and, where "
        "the processor can, rounds what it multiplies with them. The logits of `model.onnx` "
        f"differ from those of the trained model by at most {about['logit_difference']:.1g}."
    )
