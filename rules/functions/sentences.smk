# Functions of rules/sentences.smk: which files its jobs take.


def wheel_of_encoder(wildcards):
    """Return the wheel of an encoder that comes in a package."""
    encoder = E.encoders[wildcards.encoder]
    return f"{OUT}/downloads/{encoder.package}-{encoder.version}.whl" if hasattr(encoder, "package") else []


def encoder_files(encoder):
    """Return the files from which an encoder is loaded, all in its folder."""
    return [f"{OUT}/encoders/{encoder}/{name}" for name in ("model.safetensors", "config.json")]
