from privatune.core.files import write_json
from privatune.core.job import job
from privatune.privacy.settings import PrivacySettings
from privatune.systems.dpfedavg.terms import terms
from privatune.text.streams import read_stream

with job(snakemake.log[0]):
    s = snakemake.params.settings
    persons = len(read_stream(snakemake.input.private).units)
    write_json(snakemake.output[0], terms(persons=persons, **s | {"privacy": PrivacySettings(**s["privacy"])}))
