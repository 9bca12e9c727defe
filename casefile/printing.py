"""What a dossier's pages say: the record, as far as its reader sees it, in the reader's language."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from casefile.deadline_figures import DeadlineFigure
from casefile.findings import Finding
from casefile.languages import Language, capitalised
from casefile.matrix import Kept, Matrix, SafeguardRow
from casefile.pages import (
    DeadlineLine,
    DossierPages,
    MatrixLine,
    RefusalLine,
    RefusalTold,
    RunLine,
    StoryLine,
)
from casefile.pictures import timeline
from casefile.redaction import Line, Reader, is_withheld
from casefile.runs import RunOutline
from casefile.story import consequences, refusals, sentence
from casefile.terms import P_, Word
from procedure.entries import Entry

READER_WORDS: Final[dict[Reader, Word]] = {
    "auditor": P_("reader", "auditor"),
    "court": P_("reader", "court"),
    "ombudsperson": P_("reader", "ombudsperson"),
    "host_authority": P_("reader", "central authority of the host state"),
    "guardian": P_("reader", "guardian"),
    "legal_counsel": P_("reader", "legal counsel"),
    "caseworker": P_("reader", "caseworker"),
    "origin_authority": P_("reader", "central authority of the state of origin"),
    "monitor": P_("reader", "monitor"),
}
"""For whom a dossier is."""
_ENDED: Final[dict[str, Word]] = {
    "running": P_("run", "still runs"),
    "completed": P_("run", "completed"),
    "continued": P_("run", "went on in the next run"),
    "terminated": P_("run", "ended by force"),
    "failed": P_("run", "failed"),
    "timed_out": P_("run", "ended by a time-out"),
    "cancelled": P_("run", "cancelled"),
}

HEADS_EVERY: Final = 50
"""The chain is told by every so many heads; with these a longer record can be held against the printed one."""


def story_line(line: Line, language: Language, *, at: Any) -> StoryLine:
    """One line of the story. Of an entry that is not shown at all ``at`` is the moment of the one before it."""
    if not isinstance(line, Entry):
        return StoryLine(
            n=line.n,
            at=at,
            kind="withheld",
            kind_label=language.gettext("not shown"),
            sentence=language.gettext("This entry is not shown to this reader; its place in the chain is."),
            withheld=True,
        )
    return StoryLine(
        n=line.n,
        at=line.at,
        kind=line.kind,
        kind_label=language.term("entry", line.kind),
        sentence=sentence(line, language),
        consequences=tuple(consequences(line, language)),
        withheld=is_withheld(line) and line.kind in ("opened", "accepted", "refused"),
    )


def matrix_lines(matrix: Matrix, language: Language) -> list[MatrixLine]:
    return [
        MatrixLine(
            label=language.term("safeguard", row.name),
            name=row.name,
            status=row.status,
            demand=language.demand(row.name),
            source=row.source,
            shown_by=_shown_by(row, language),
            refused=row.refused,
            refused_by=row.refused_by,
            broken=tuple(
                f"{language.gettext('Entry {n}').format(n=broken.entry)}: {broken.why}" for broken in row.broken_by
            ),
        )
        for row in matrix.rows
    ]


def _shown_by(row: SafeguardRow, language: Language) -> str:
    told = [_kept(kept, language) for kept in row.kept_by]
    if row.kept > len(row.kept_by) and told:
        told.append(language.gettext("and others: {n} in all").format(n=row.kept))
    return "; ".join(told)


def _kept(kept: Kept, language: Language) -> str:
    act = language.term("act", kept.act)
    if not kept.evidence:
        return language.gettext("entry {n}, {act}").format(n=kept.entry, act=act)
    return language.gettext("entry {n}, {act}: shown by {evidence}").format(
        n=kept.entry, act=act, evidence=", ".join(map(str, kept.evidence))
    )


def deadline_lines(figures: Sequence[DeadlineFigure], language: Language) -> list[DeadlineLine]:
    return [
        DeadlineLine(
            label=language.deadline(figure.key),
            owed_by=capitalised(_office(figure, language)),
            due=figure.due,
            met=figure.met_at,
            late=_late(figure.late, language) if figure.late is not None else "",
            open=figure.open,
        )
        for figure in figures
    ]


def _office(figure: DeadlineFigure, language: Language) -> str:
    if figure.role is None:
        return ""
    role = language.term("role", figure.role)
    return f"{role}, {language.state(figure.state)}" if figure.state else role


def _late(late: timedelta, language: Language) -> str:
    return language.days(late.days) if late.days else language.hours(max(1, round(late.total_seconds() / 3600)))


def refusal_line(entry: Entry, language: Language) -> RefusalLine:
    """One refusal of the refusal book, in full as far as its body is shown."""
    return RefusalLine(
        n=entry.n,
        at=entry.at,
        who=capitalised(language.actor(entry.actor_role, entry.actor_state)),
        what=language.term("act", entry.act) if entry.act else language.gettext("something malformed"),
        told=tuple(
            RefusalTold(
                label=each.label,
                name=each.safeguard,
                demand=each.demand,
                message=each.message or "",
                source=each.source or "",
                instead=each.instead or "",
            )
            for each in refusals(entry, language)
        ),
    )


def run_line(run: RunOutline, language: Language) -> RunLine:
    return RunLine(
        run_id=run.run_id,
        entries=f"{run.first}-{run.last}" if run.first is not None else "",
        begun=run.begun,
        ended=language.pgettext(*_ENDED[run.ended.how if run.ended else "running"]),
        digest=run.digest,
    )


def state_lines(
    *, stage: str, solution: str | None, outcome: str | None, holds: Sequence[str] | None, language: Language
) -> list[tuple[str, str]]:
    """Where the case stands, for the cover. ``holds`` None: they are not for this reader."""
    none = language.gettext("none")
    if holds is None:
        held = language.gettext("not shown")
    else:
        held = language.listed([language.term("hold", hold) for hold in holds]) if holds else none
    return [
        (language.gettext("Stage"), capitalised(language.term("stage", stage))),
        (language.gettext("Solution"), language.term("solution", solution) if solution else none),
        (language.gettext("Outcome"), language.term("outcome", outcome) if outcome else none),
        (language.gettext("Holds"), held),
    ]


def picture(entries: Sequence[Entry], language: Language) -> str:
    return timeline(entries, say=language.term, _=language.gettext)


def pages(
    *,
    lines: Callable[[], Any],
    reader: Reader,
    cover: dict[str, Any],
    matrix: Matrix,
    deadlines: Sequence[DeadlineFigure],
    runs: Sequence[RunOutline],
    heads: Sequence[tuple[int, str]],
    findings: Sequence[Finding],
    language: Language,
) -> DossierPages:
    """All that the pages say. ``lines()`` gives the ledger as this reader gets it, each time from its beginning."""
    story: list[StoryLine] = []
    refused: list[RefusalLine] = []
    visible: list[Entry] = []
    at = cover["opened_at"]
    for line in lines():
        if isinstance(line, Entry):
            at = line.at
            visible.append(line)
            if line.kind == "refused":
                refused.append(refusal_line(line, language))
        story.append(story_line(line, language, at=at))
    return DossierPages(
        **cover,
        reader=language.pgettext(*READER_WORDS[reader]),
        story=story,
        matrix=matrix_lines(matrix, language),
        deadlines=deadline_lines(deadlines, language),
        refusals=refused,
        timeline_svg=picture(visible, language),
        runs=[run_line(run, language) for run in runs],
        heads=heads,
        findings=[finding.sentence for finding in findings],
    )
