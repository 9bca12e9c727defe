"""The terms of an agreement, as cases hold them."""

import json

from courses import Course, model

from procedure.agreement import Agreement
from procedure.proceedings import Proceedings


def test_cases_with_the_same_terms_hold_one_agreement() -> None:
    """It is what was written down, the order of its names does not matter, and other terms are another agreement."""
    terms = model().terms()
    held = Agreement.shared(terms)
    assert held == Agreement.from_terms(terms)
    assert held.terms() == terms
    assert Agreement.shared(dict(reversed(json.loads(json.dumps(terms)).items()))) is held
    other = Agreement.shared({**terms, "version": "another"})
    assert (other.version, held.version) == ("another", terms["version"])


def test_a_case_that_is_taken_up_holds_the_same_one() -> None:
    """A run that goes on from another makes no agreement of its own."""
    carried = json.loads(json.dumps(Course().proceedings.carry()))
    assert Proceedings.resume(carried).case.agreement is Agreement.shared(model().terms())
