"""Which acts are owed, and of whom: of one person alone where the law names one, else of a role of a state."""

from procedure.who_may import person_alone
from tests.procedure.courses import Course


def by_role(course: Course) -> dict[str, set[str | None]]:
    """Whom the rows of owed acts name, by the role that owes."""
    found: dict[str, set[str | None]] = {}
    for row in course.view["awaiting"]:
        found.setdefault(row["role"], set()).add(row.get("person"))
    return found


def test_before_a_case_is_assigned_any_caseworker_owes() -> None:
    """No row names a person, and none has the key for it."""
    course = Course().represented()
    rows = [row for row in course.view["awaiting"] if row["role"] == "caseworker"]
    assert rows and not any("person" in row for row in rows)


def test_an_assigned_caseworker_owes_alone() -> None:
    """Every row of the caseworker names that one; another assignment names another; authorities' rows name nobody."""
    course = Course().represented()
    for id in ("caseworker-1", "caseworker-9"):
        course.does("assign", "authority", caseworker={"id": id})
        named = by_role(course)
        assert named.pop("caseworker") == {id}
        assert set().union(*named.values()) <= {None, "guardian-1"}


def test_a_caseworker_of_the_other_state_owes_nothing_of_ours_alone() -> None:
    """Whoever is assigned in the host state is not named where the origin state owes."""
    course = Course().ready_to_approve()
    course.does("assign", "authority", caseworker={"id": "caseworker-1"})
    theirs = [row for row in course.view["awaiting"] if row["state"] == course.origin]
    assert theirs and not any(row.get("person") == "caseworker-1" for row in theirs)


def test_a_guardian_and_an_escort_owe_alone() -> None:
    """The one in office, and the one whom the plan names."""
    hearing = Course().represented()
    assert by_role(hearing)["guardian"] == {hearing.view["guardian"]}
    leaving = Course().travel_approved()
    assert by_role(leaving)["escort"] == {leaving.case.plan and leaving.case.plan.escort_id}


def test_who_is_named_is_who_alone_may_act() -> None:
    """At every step of the straight course a row names exactly whom the table of acts lets act alone."""
    course = Course()
    for step in ("represented", "assessed", "ready_to_approve", "approved", "planned", "arrived"):
        course = getattr(Course(), step)()
        for row in course.view["awaiting"]:
            assert row.get("person") == person_alone(course.case, row["role"], row["state"]), (step, row)
