# Functions of rules/export.smk: which files and settings its jobs take.


def training_of(name):
    """Return the scenario or variant of an exported language model, with the seed and the round of the model."""
    model = E.export.models[name]
    if model.variant:
        refuse_unlisted("variant", name, model.variant, "dpfedavg.run", E.dpfedavg.run)
        return {"variant": model.variant, "seed": E.dpfedavg.seeds[0] if model.seed is None else model.seed}
    if model.scenario == INITIAL:
        return {"scenario": INITIAL, "round": 0}
    last = E.scenarios[model.scenario].cohort.rounds
    seed = E.seeds[0] if model.seed is None else model.seed
    return {"scenario": model.scenario, "seed": seed, "round": model.round or last}


def refuse_untrained(key, name, value, trained, why):
    """Refuse a model of a training that no target runs, because its own checks have not been made together."""
    if value not in trained:
        raise WorkflowError(
            f"config: `export.models.{name}.{key}`: {why}, choose from {', '.join(trained)}, or leave {name} out of "
            "`export.run`"
        )


def refuse_unlisted(key, name, value, run, listed):
    """The same for what a key of the configuration lists."""
    refuse_untrained(key, name, value, listed, f"{value} is not in `{run}`; add it there")


def language_model(wildcards):
    """Return the file of a language model, and what says which private text it saw and what protects that text."""
    training = training_of(wildcards.exported)
    if training.get("scenario") == INITIAL:
        return {"model": GENERAL_MODEL}
    files = {"private": f"{OUT}/corpora/{E.private.corpus}.json", "persons": f"{OUT}/corpora/private.json"}
    if "scenario" in training:
        s, seed, r = training["scenario"], training["seed"], training["round"]
        return files | {"model": f"{OUT}/models/{s}/seed-{seed}/round-{r}.safetensors"}
    folder = f"{OUT}/dpfedavg/{training['variant']}"
    return files | {"model": f"{folder}/seed-{training['seed']}.safetensors", "terms": f"{folder}/terms.json"}


def export_settings(wildcards):
    """Return what the files of an exported language model depend on besides what it reads."""
    training = training_of(wildcards.exported)
    variant = training.get("variant")
    samples = E.dpfedavg.evaluation if variant else E.evaluation
    cohort = None if variant or training["round"] == 0 else E.scenarios[training["scenario"]].cohort
    return plain(
        {
            "evaluation": samples.model_dump(mode="json", exclude={"later_tokens"}),
            "name": wildcards.exported,
            "repeats": E.export.repeats,
            "secure": bool(variant) and E.dpfedavg.variants[variant].privacy.secure,
            "seed": E.seed,
            "threads": E.export.threads,
            "training": training,
            "visits": cohort and cohort.size * cohort.persons_per_device * training["round"],
            "words": E.export.words,
        }
    )


def is_classifier(model):
    """Whether a model to export is a classifier; the others are language models."""
    return bool(model.classifier or model.dpzero)


def classifier(wildcards):
    """Return the files of a classifier that its system exports, and of what it was trained on."""
    model = E.export.models[wildcards.gathered]
    find = dpzero_classifier if model.dpzero else dpcompress_classifier
    exported, records, private, public = find(wildcards.gathered, model.dpzero or model.classifier)
    return {
        "onnx": f"{exported}/model.onnx",
        "int8": f"{exported}/model.int8.onnx",
        "tokenizer": f"{exported}/tokenizer.json",
        "measured": f"{exported}/measured.json",
        "classifiers": f"{records}/classifiers.json",
        "private": f"{OUT}/corpora/{E.sentences[private].source}.json",
        "public": [f"{OUT}/corpora/{E.sentences[name].source}.json" for name in public],
    }


def dpcompress_classifier(name, method):
    """Return two folders of a method of `dpcompress`, the private set of sentences, and public ones that it reads."""
    refuse_unlisted("classifier", name, method, "dpcompress.run", D.run)
    public = [D.public] if teacher_of(method) else []
    return f"{OUT}/dpcompress/exported/{method}", f"{OUT}/dpcompress/{method}/{D.target}", D.set, public


def dpzero_classifier(name, chosen):
    """Return the same of a classifier of `dpzero`, which reads no public sentences."""
    d, at = E.dpzero, f"dpzero.methods.{chosen.method}"
    refuse_unlisted("dpzero.method", name, chosen.method, "dpzero.run", d.run)
    refuse_unlisted("dpzero.set", name, chosen.set, "dpzero.sets", d.sets)
    method = d.methods[chosen.method]
    sets = [known for known in d.sets if known not in method.leave_out]
    refuse_untrained("dpzero.set", name, chosen.set, sets, f"`{at}.leave_out` has {chosen.set}; take it out there")
    level = "null" if chosen.epsilon is None else f"{chosen.epsilon:g}"
    levels = ["null" if known == NONE else known for known in d.levels(method)]
    if chosen.epsilon is None:
        refuse_untrained("dpzero.epsilon", name, level, levels, f"{chosen.method} is not trained without noise")
    refuse_unlisted("dpzero.epsilon", name, level, f"{at if method.epsilons else 'dpzero'}.epsilons", levels)
    trained = f"{chosen.set}/{chosen.method}/{NONE if chosen.epsilon is None else level}"
    return f"{OUT}/dpzero/exported/{trained}", f"{OUT}/dpzero/{trained}", chosen.set, []


def gather_settings(wildcards):
    """Return what the folder of an exported classifier depends on besides what it reads."""
    name = "dpzero" if E.export.models[wildcards.gathered].dpzero else "dpcompress"
    system = getattr(E, name)
    return plain({"system": name, "encoder": system.encoder, "secure": system.privacy.secure})
