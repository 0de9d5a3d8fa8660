from privatune.attacks.settings import AuditSettings
from privatune.core.files import read_json, write_json
from privatune.core.job import job
from privatune.privacy.mechanism import mechanism_from
from privatune.systems.dpfedavg.audit import audit
from privatune.systems.dpfedavg.rounds import first_state

with job(snakemake.log[0]):
    settings, w = AuditSettings(**snakemake.params.settings), snakemake.wildcards
    terms = read_json(snakemake.input.terms)
    mechanism, accountant = mechanism_from(terms["mechanism"]), terms["guarantee"]["accountant"]
    found = audit(first_state(snakemake.input.model, mechanism), mechanism, accountant, settings, int(w.seed))
    write_json(snakemake.output[0], {"variant": w.variant, "seed": int(w.seed), **found})
