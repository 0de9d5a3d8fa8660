"""What is stated of a private training before it begins."""

import pytest

from privatune.core.errors import PrivatuneError
from privatune.privacy.accounting import guarantee, mechanism_of
from privatune.privacy.mechanism import mechanism_from
from privatune.privacy.settings import PrivacySettings
from privatune.systems.dpfedavg.terms import terms

NOISY = PrivacySettings(noise_multiplier=3.0)


def test_a_cohort_larger_than_the_persons_names_its_own_key():
    with pytest.raises(
        PrivatuneError, match=r"^dpfedavg\.training\.cohort\.size: a round needs 41 persons, but only 40"
    ):
        terms(NOISY, 40, 41, 10, 0, 0.0)


def test_the_terms_are_those_of_the_mechanism():
    stated, mechanism = terms(NOISY, 40, 4, 10, 3, 0.5), mechanism_of(NOISY, 40, 4, 10, 3, 0.5)
    assert mechanism_from(stated["mechanism"]) == mechanism
    assert stated["guarantee"] == guarantee(mechanism, "pld").record()
    assert stated["carriers_epsilon"] > stated["guarantee"]["epsilon"], "carriers take part more often"
    assert terms(NOISY, 40, 4, 10, 0, 0.0)["carriers_epsilon"] is None
    silent = terms(PrivacySettings(noise_multiplier=0), 40, 4, 10, 3, 0.5)
    assert silent["guarantee"] is silent["carriers_epsilon"] is None, "of no noise nothing is claimed"
