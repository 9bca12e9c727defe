"""The names of the trade, spelled once. They are the contract's and never change."""

from typing import Final, Literal, get_args

PROCEDURE_VERSIONS: Final[tuple[str, ...]] = ("1.0.0",)
"""The versions of the rules that this package knows, oldest first; a case may be decided under each of them.

A rule that changes gets a version here, and asks :attr:`procedure.case.Case.rules`: yesterday's decisions are replayed
under yesterday's rule. No version is ever taken out.
"""
PROCEDURE_VERSION: Final = PROCEDURE_VERSIONS[-1]
"""The newest of them. New cases open under it, and running ones move to it with their next run."""

Role = Literal[
    "central_authority",
    "child_protection_authority",
    "guardianship_authority",
    "caseworker",
    "bid_panel",
    "guardian",
    "legal_counsel",
    "child",
    "relative",
    "tracing_service",
    "consulate",
    "asylum_authority",
    "court",
    "health_worker",
    "escort",
    "monitor",
    "ombudsperson",
    "law_enforcement",
    "auditor",
    "system",
]
Stage = Literal[
    "identification",
    "guardianship",
    "family_tracing",
    "best_interests",
    "decision",
    "travel",
    "reintegration",
    "other_solution",
    "closed",
]
Solution = Literal["return", "stay", "third_country", "postpone"]
Outcome = Literal["returned", "stays", "third_country", "adult", "transferred_to_adult_services", "withdrawn"]
Hold = Literal[
    "detention",
    "emergency_placement_overdue",
    "asylum",
    "appeal",
    "missing",
    "crisis",
    "health",
    "school_year",
    "other",
    "review",
    "adulthood",
]
EntryKind = Literal[
    "opened",
    "accepted",
    "refused",
    "overdue",
    "escalated",
    "hold",
    "hold_lifted",
    "detention",
    "turned_18",
    "stage",
    "closed",
    "erased",
]
SafeguardName = Literal[
    "no-detention",
    "guardian-first",
    "guardian-independence",
    "counsel-free",
    "counsel-first",
    "benefit-of-doubt",
    "child-heard",
    "no-contact-with-origin",
    "safe-family",
    "care-guaranteed",
    "bid-before-return",
    "bid-panel",
    "options-considered",
    "non-refoulement",
    "appeal-suspends",
    "consent",
    "reintegration-plan",
    "rights-impact",
    "approval-of-both-states",
    "four-eyes",
    "stale-dossier",
    "stale-evidence",
    "fit-to-travel",
    "travel-approved",
    "escort-from-child-protection",
    "handover-into-care",
    "family-unity",
    "monitoring-complete",
    "held",
    "not-your-act",
    "out-of-order",
    "closed-case",
    "extension-limit",
    "well-formed",
]
PlacementKind = Literal[
    "family",
    "kinship",
    "foster_family",
    "independent_living",
    "group_home",
    "child_shelter",
    "hospital",
    "transit_centre",
    "reception_centre",
    "temporary_stay_centre",
    "hotel",
    "vehicle",
    "border_facility",
    "police_station",
    "closed_school",
    "penitentiary",
    "other",
]
RunBy = Literal[
    "family",
    "child_protection",
    "social_service",
    "education",
    "health",
    "ngo",
    "foster_carer",
    "police",
    "border",
    "immigration",
    "penitentiary",
    "military",
    "private_security",
    "other",
]

ROLES: Final[tuple[Role, ...]] = get_args(Role)
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
HOLDS: Final[tuple[Hold, ...]] = get_args(Hold)
SAFEGUARD_NAMES: Final[tuple[SafeguardName, ...]] = get_args(SafeguardName)

ENFORCEMENT: Final[frozenset[RunBy]] = frozenset(
    {"police", "border", "immigration", "penitentiary", "military", "private_security"}
)
"""Bodies that never house, guard, escort, decide for or stand in for a child (CRC 37; JGC23 paras 5-13)."""

CHILD_CARE_BODIES: Final[frozenset[RunBy]] = frozenset({"child_protection", "social_service"})
"""Bodies of which at least one must sit on a best-interests panel (OSCE recommendation 2)."""
