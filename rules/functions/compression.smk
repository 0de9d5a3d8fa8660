# Functions of rules/compression.smk: which files and settings its jobs take.


def followed(methods):
    """Return the measured runs of some methods."""
    return [f"{OUT}/compression/{m}/seed-{seed}.json" for m in methods for seed in E.compression.seeds]


def tunings(methods):
    return [f"{OUT}/compression/{m}/tuning.json" for m in methods]


def codec_code(method):
    """Modules of a method's codecs, which are loaded by name."""
    choice = E.compression.choices(method)[0]
    codecs = {choice.codec.name, choice.down_codec().name, choice.download.name}
    return [f"privatune.compression.codecs.{codec}" for codec in sorted(codecs)]


def method_code(wildcards):
    """Return the modules that a method loads by name."""
    objective = E.compression.choices(wildcards.method)[0].client.objective
    return [f"privatune.federation.objectives.{objective}", *codec_code(wildcards.method)]


def compression_settings(**others):
    """Return what every job of the comparison uses; its model is small, so float32 costs little."""
    small = {"numerics": numerics(1) | {"precision": "float32"}, "vocabulary": E.compression.vocabulary}
    return plain(small | others)


def compared(methods):
    """Return the files and settings of the table of runs, with the settings that each method's grid varies."""
    files = {"runs": followed(methods), "tunings": tunings(methods)}
    varied = {method: sorted(E.compression.methods[method].parameter) for method in methods}
    c = E.compression
    model = f"LSTM of {c.model.layers} x {c.model.hidden} units, {c.vocabulary:,} words"
    return files, {"averaged": c.averaged, "methods": varied, "model": model, "order": list(methods)}


def tuned(methods):
    """Return the files and settings of the table of these methods' grids."""
    files, settings = compared(methods)
    about = {
        "methods": settings["methods"],
        "order": list(methods),
        "rounds": E.compression.tuning_rounds,
        "seed": E.seed,
    }
    return {"tunings": files["tunings"]}, about
