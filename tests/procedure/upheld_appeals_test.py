"""What a ruling on an appeal voids, and whether a round begins: by what was appealed against, and how it ended."""

import pytest
from courses import START
from stories import told

from procedure.acts import parse_act
from procedure.case import AppealLodged, OnRecord
from procedure.effects import effects
from procedure.ledger import Ledger
from procedure.safeguards.asked import Asked

PLANNED = next(each.case for each in told("returned") if each.case.travel_approval)
"""Approved by all, with a plan in force and approved."""
PLAN, TRAVEL = PLANNED.plan, PLANNED.travel_approval
assert PLAN is not None and TRAVEL is not None
APPROVALS = sorted(each.n for each in PLANNED.approvals.values())

RULINGS = {
    ("dismissed", "travel"): {},
    ("dismissed", "return"): {},
    ("upheld", "placement"): {},
    ("upheld", "age"): {},
    ("upheld", "travel"): {"voids": sorted([PLAN.n, TRAVEL.n])},
    ("upheld", "return"): {"round": 2, "voids": sorted([*APPROVALS, TRAVEL.n])},
    ("upheld", "best_interests"): {"round": 2, "voids": sorted([*APPROVALS, TRAVEL.n])},
}


@pytest.mark.parametrize(("result", "against"), RULINGS)
def test_a_ruling_voids_what_it_is_against_and_nothing_else(result: str, against: str) -> None:
    """Against travel the plan and its approval; against the return all approvals, and a round begins."""
    actor = {"id": "court-1", "role": "court", "state": "MD"}
    ruling = {"act": "decide_appeal", "act_id": "a-1", "actor": actor, "reason": "as found", "result": result}
    case = PLANNED.but(appeals=(AppealLodged(900, START, against),))
    follows = effects(Asked(case, parse_act(ruling), START, Ledger()))
    assert follows == {"result": result, "appeal": 900, "against": against, **RULINGS[result, against]}
    arrived = case.but(arrived=OnRecord(901, START))
    assert "voids" not in effects(Asked(arrived, parse_act(ruling), START, Ledger()))
