# Functions of rules/dpcompress.smk: which files and settings its jobs take.


def states_of(set_of, method):
    """Return the files of a set of sentences that the phases of a method read."""
    read = dict.fromkeys(reads(phase, E.dpcompress.train) for phase in phases(method, E.dpcompress.train))
    return [f"{OUT}/sentences/{set_of}/{E.dpcompress.encoder}/{name}.safetensors" for name in read]


def teacher_of(method):
    """Return the settings of the method whose finished models teach another one; null if there is none."""
    name = getattr(E.dpcompress.methods[method], "teacher", None)
    return name and E.dpcompress.methods[name]


def compress_files(wildcards):
    """Return what a method reads: private sentences, and for a student on public text that text and its teacher."""
    d, name = E.dpcompress, wildcards.compressed
    method, teacher = d.methods[name], teacher_of(name)
    vectors = f"{OUT}/sentences/{d.set}/{d.encoder}/vectors.safetensors"
    files = {"private": list(dict.fromkeys([vectors, *states_of(d.set, method)]))}
    if teacher is None:
        return files
    return files | {
        "public": list(dict.fromkeys([*states_of(d.public, method), *states_of(d.public, teacher)])),
        "teachers": f"{OUT}/dpcompress/{method.teacher}/{wildcards.level}/models.safetensors",
    }


def compress_settings(wildcards):
    """Return what the classifiers of one method at one level depend on."""
    d, name = E.dpcompress, wildcards.compressed
    private = wildcards.level != NONE
    return plain(
        {
            "epsilon": float(wildcards.level) if private else None,
            "method": name,
            "numerics": numerics(1),
            "privacy": d.privacy,
            "secrets": "secrets" if d.privacy.secure and private else None,
            "seed": E.seed,
            "seeds": d.seeds,
            "set": d.set,
            "settings": d.methods[name].model_dump(exclude={"twin"}),
            "teacher": teacher_of(name) and teacher_of(name).model_dump(exclude={"twin"}),
            "teaches": d.teaches(name),
            "train": d.train,
        }
    )
