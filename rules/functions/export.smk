# Functions of rules/export.smk: which files and settings its jobs take.


def training_of(name):
    """Return the scenario or variant of an exported language model, with the seed and the round of the model."""
    model = E.export.models[name]
    if model.variant:
        refuse_untrained("variant", name, model.variant, "dpfedavg.run", E.dpfedavg.run)
        return {"variant": model.variant, "seed": E.dpfedavg.seeds[0] if model.seed is None else model.seed}
    if model.scenario == INITIAL:
        return {"scenario": INITIAL, "round": 0}
    last = E.scenarios[model.scenario].cohort.rounds
    seed = E.seeds[0] if model.seed is None else model.seed
    return {"scenario": model.scenario, "seed": seed, "round": model.round or last}


def refuse_untrained(key, name, value, run, trained):
    """Refuse a model of a training that no target runs, because its own checks have not been made together."""
    if value not in trained:
        raise WorkflowError(
            f"config: `export.models.{name}.{key}`: {value} is not in `{run}`; add it there, choose from "
            f"{', '.join(trained)}, or leave {name} out of `export.run`"
        )


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


def classifier(wildcards):
    """Return the files of a classifier that `dpcompress` exports, and of what it was trained on."""
    method = E.export.models[wildcards.gathered].classifier
    refuse_untrained("classifier", wildcards.gathered, method, "dpcompress.run", D.run)
    folder = f"{OUT}/dpcompress/exported/{method}"
    names = {
        "onnx": "model.onnx",
        "int8": "model.int8.onnx",
        "tokenizer": "tokenizer.json",
        "measured": "measured.json",
    }
    public = [f"{OUT}/corpora/{E.sentences[D.public].source}.json"] if teacher_of(method) else []
    return {key: f"{folder}/{name}" for key, name in names.items()} | {
        "classifiers": f"{OUT}/dpcompress/{method}/{D.target}/classifiers.json",
        "private": f"{OUT}/corpora/{E.sentences[D.set].source}.json",
        "public": public,
    }
