"""Describe the stages that all systems share, which prepare text and make tables."""

from privatune.stages.work import LIBRARIES, Known, Names, Stage, Work, converted, encoded, pretraining, sentences, text


def stages(known: Known) -> dict[str, Stage]:
    """Return the stages by rule, in the order of the data flow; `table`, `figure` and `page` each cover a family."""
    texts = known.texts

    def read_corpus(names: Names) -> Work:
        if names["source"] in known.labelled:
            return sentences(known.labelled[names["source"]])
        return text(texts.sources.get(names["source"], texts.collected))

    def encode_sentences(names: Names) -> Work:
        return sentences(known.labelled[known.sentences[names["set"]].source])

    def encoder(names: Names) -> Work:
        weights, _ = known.encoders[names["encoder"]].sizes
        return converted(weights)

    def activations(names: Names) -> Work:
        words = known.labelled[known.sentences[names["set"]].source]
        return encoded(words, *known.encoders[names["encoder"]].sizes)

    return {
        "fetch_package": Stage(lambda _: Work()),
        "read_corpus": Stage(read_corpus),
        "split_persons": Stage(lambda _: text(texts.collected)),
        "vocabulary": Stage(lambda _: text(texts.general)),
        "encode_general": Stage(lambda _: text(texts.general)),
        "encode_private": Stage(lambda _: text(texts.private)),
        "encoder": Stage(encoder, kin="fetch_package"),
        "encode_sentences": Stage(encode_sentences, kin="encode_general"),
        "vectors": Stage(activations, accelerated=True, kin="evaluate"),
        "activations": Stage(activations, accelerated=True, kin="evaluate"),
        "pretrain": Stage(lambda _: pretraining(known.main, known.pretrain, texts), accelerated=True),
        "table": Stage(lambda _: Work(libraries=LIBRARIES)),
        "figure": Stage(lambda _: Work(libraries=LIBRARIES)),
        "page": Stage(lambda _: Work(libraries=LIBRARIES), kin="figure"),
    }
