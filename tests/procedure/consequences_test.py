"""Who is told what because of entries: the other state's silence at home, a detention wherever it happens."""

from datetime import UTC, datetime

from courses import STATION, Course

from procedure.consequences import notices


def told(course: Course, kind: str) -> set[tuple[str, str]]:
    """The offices that get a notice of that kind, each with its state."""
    found = notices(course.case, course.entries, course.at)
    return {(notice["to_role"], notice["to_state"]) for notice in found if notice["kind"] == kind}


def test_the_silence_of_the_other_state_escalates_at_home_too() -> None:
    """Both central authorities and both ombudspersons learn that the tracing was not answered."""
    course = Course().represented().does("open_tracing").until(datetime(2026, 5, 1, tzinfo=UTC))
    both = {(role, state) for role in ("central_authority", "ombudsperson") for state in ("MD", "UA")}
    assert both <= told(course, "escalated")
    at_home = Course().until(datetime(2026, 5, 1, tzinfo=UTC))
    assert {state for _, state in told(at_home, "escalated")} == {"MD"}


def test_a_detention_is_told_to_those_who_can_end_it() -> None:
    """At home: the ombudsperson, the counsel and the central authority."""
    course = Course().represented().does("report_detention")
    assert {("ombudsperson", "MD"), ("legal_counsel", "MD"), ("central_authority", "MD")} == told(course, "detention")


def test_a_detention_on_arrival_is_told_to_both_sides_and_to_the_counsel_in_office() -> None:
    """The counsel is the host's, wherever the child was taken."""
    course = Course().departed().wait(days=1, hours=4).does("arrive", handed_to="other", placement=STATION)
    both = {(role, state) for role in ("central_authority", "ombudsperson") for state in ("MD", "UA")}
    assert {*both, ("legal_counsel", "MD")} == told(course, "detention")
    counsel = [n for n in notices(course.case, course.entries, course.at) if n["to_role"] == "legal_counsel"]
    assert {course.case.counsel.id if course.case.counsel else None} == {n["to_id"] for n in counsel}
