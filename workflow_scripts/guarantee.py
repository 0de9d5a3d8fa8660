from privatune.core.files import write_json
from privatune.core.job import job
from privatune.privacy.accounting import guarantee, mechanism_of
from privatune.privacy.mechanism import mechanism_record
from privatune.privacy.settings import PrivacySettings
from privatune.text.streams import read_stream

with job(snakemake.log[0]):
    s = snakemake.params.settings
    privacy = PrivacySettings(**s["privacy"])
    persons = len(read_stream(snakemake.input.private).units) + s["carriers"]
    mechanism = mechanism_of(privacy, persons, s["cohort"], s["rounds"])
    stated = guarantee(mechanism, privacy.accountant).record() if mechanism.noise_multiplier else None
    write_json(snakemake.output[0], {"mechanism": mechanism_record(mechanism), "guarantee": stated})
