from privatune.core.files import write_json
from privatune.core.job import job
from privatune.privacy.accounting import carriers_epsilon, guarantee, mechanism_of, tightest
from privatune.privacy.mechanism import mechanism_record
from privatune.privacy.settings import PrivacySettings
from privatune.text.streams import read_stream

with job(snakemake.log[0]):
    s = snakemake.params.settings
    privacy = PrivacySettings(**s["privacy"])
    accountant = privacy.accountant or tightest(privacy.sampling)
    persons = len(read_stream(snakemake.input.private).units)
    mechanism = mechanism_of(privacy, persons, s["cohort"], s["rounds"], s["carriers"], s["participation"])
    terms = {"mechanism": mechanism_record(mechanism), "guarantee": None, "carriers_epsilon": None}
    if mechanism.noise_multiplier:
        terms["guarantee"] = guarantee(mechanism, accountant).record()
        terms["carriers_epsilon"] = carriers_epsilon(mechanism, accountant) if mechanism.carriers else None
    write_json(snakemake.output[0], terms)
