"""What the command line shows a person: plain words, and tables that still read well when piped."""

import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from procedure.faults import Fault
from starter.moments import in_words

if TYPE_CHECKING:
    from starter.profiles import Checked
    from starter.rehearsal import Course, Played


def out() -> Console:
    """Where answers go. Piped, lines are as long as they are: nobody breaks them for a screen that is not there."""
    return _console(sys.stdout)


def err() -> Console:
    """Where progress and trouble go."""
    return _console(sys.stderr)


def _console(stream: Any) -> Console:
    return Console(file=stream, highlight=False, width=None if stream.isatty() else 200, emoji=False)


def printable(text: str) -> str:
    """A text of somebody else's making, without what would steer a terminal."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "�" for letter in text)


def words(name: str | None) -> str:
    """A name of the contract as a person would write it."""
    return (name or "").replace("_", " ").replace("-", " ")


def listed(names: Iterable[str]) -> str:
    return ", ".join(words(name) for name in names) or "none"


def when(text: str | None, *, now: datetime | None = None) -> str:
    """A moment of the contract, to the minute, and how far it is from ``now``."""
    if not text:
        return ""
    moment = datetime.fromisoformat(text).astimezone(UTC)
    shown = moment.strftime("%Y-%m-%d %H:%M")
    if now is None:
        return shown
    away = moment - now
    return f"{shown} ({in_words(away)} ago)" if away.total_seconds() < 0 else f"{shown} (in {in_words(away)})"


def receipt(console: Console, given: Mapping[str, Any], act: str | None = None) -> None:
    """A receipt: what was taken in, or what refused it, why, and what can be done instead."""
    what = words(act) or "the act"
    where = f"  Stage {words(given['stage'])}; holds: {listed(given['holds'])}." if given["stage"] else ""
    if given["result"] == "accepted":
        entry = (
            f", entry {given['entry']} of {given['reference']}" if given["entry"] else f", case {given['reference']}"
        )
        console.print(f"[green]Accepted[/green]: {escape(what)}{entry}.{where[1:]}", soft_wrap=True)
        return
    kept = f", kept as entry {given['entry']} of {given['reference']}" if given["entry"] else ""
    console.print(f"[bold red]Refused[/bold red]: {escape(what)}{kept}.", soft_wrap=True)
    for refusal in given["refusals"]:
        console.print(f"  [bold]{escape(refusal['safeguard'])}[/bold]: {escape(refusal['message'])}", soft_wrap=True)
        if refusal.get("source"):
            console.print(f"    source:  {escape(refusal['source'])}", style="dim", soft_wrap=True)
        if refusal.get("instead"):
            console.print(f"    instead: {escape(refusal['instead'])}", soft_wrap=True)
    if where:
        console.print(where, soft_wrap=True)


def faults(console: Console, sentence: str, found: Sequence[Fault]) -> None:
    """What is wrong with what was given, a line each."""
    console.print(escape(printable(sentence)), style="bold red", soft_wrap=True)
    # A path names a field as it was written, by whoever wrote it. Many in one go, for there can be tens of thousands and
    # each go takes a while; not all, for the console keeps much of each line until it is written.
    for first in range(0, len(found), _AT_ONCE):
        these = found[first : first + _AT_ONCE]
        console.out("\n".join(f"  {printable(fault['path'])}: {printable(fault['message'])}" for fault in these))


_AT_ONCE: Final = 1_000
"""Lines of faults."""


_SIGNATURES: Final = {
    "required": "required: only signed acts count",
    "not_required": "not required: acts count unsigned",
}


def case(console: Console, view: Mapping[str, Any], *, now: datetime, as_it_was: str | None = None) -> None:
    """A case view."""
    head = f"[bold]{view['reference']}[/bold]  {view['status']}, stage {words(view['stage'])}"
    if as_it_was:
        head += f"  (as it was at {escape(as_it_was)})"
    console.print(head, soft_wrap=True)
    facts = Table.grid(padding=(0, 2))
    placement: dict[str, Any] = view["placement"] or {}
    leave: dict[Any, str] = {True: "may leave at will", False: "may NOT leave at will"}
    may_leave = leave.get(placement.get("child_may_leave_at_will"), "not known whether the child may leave")
    where = (
        f"{placement['name']} ({words(placement['kind'])}, run by {words(placement['run_by'])}; {may_leave})"
        if placement
        else "not known"
    )
    for name, value in (
        ("between", f"{view['host_state']} (host) and {view['origin_state']} (origin), agreement {view['agreement']}"),
        ("solution", words(view["solution"]) or "none yet"),
        ("outcome", words(view["outcome"]) or "none yet"),
        ("holds", listed(view["holds"])),
        ("placement", where),
        ("guardian", view["guardian"] or "none"),
        ("counsel", view["counsel"] or "none"),
        ("caseworker", view["caseworker"] or "not assigned"),
        ("signatures", _SIGNATURES.get(view.get("signatures", ""), "not asked for")),
        ("record", f"{view['entries']} {'entry' if view['entries'] == 1 else 'entries'}, {view['refused']} refused"),
        # Whole: an approval names it as the dossier that was read.
        ("head", view["head"]),
    ):
        facts.add_row(Text(name, style="dim"), Text(str(value)))
    if withheld := view.get("withheld"):
        facts.add_row(Text("not for you", style="dim"), Text(", ".join(map(words, withheld))))
    if view["turned_18"]:
        facts.add_row(Text("age", style="dim"), Text("turned 18"))
    console.print(facts)
    console.print(_owed_table(view["awaiting"], now))


def readings(console: Console, told: Mapping[str, Any]) -> None:
    """The log of who read a case, a line each, and whether it verifies."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in ("", "when", "who", "what", "why"):
        table.add_column(name, overflow="fold")
    for line in told["readings"]:
        state = f" {line['state']}" if line["state"] else ""
        who = f"{line['person']} ({words(line['role'])}{state})" if line["role"] != line["person"] else line["person"]
        table.add_row(str(line["n"]), when(line["at"]), escape(who), escape(line["what"]), words(line["reason"] or ""))
    console.print(table)
    for fault in told["faults"]:
        console.print(Text(fault, style="bold red"))
    if told["verifies"]:
        console.print(f"{len(told['readings'])} readings; the log verifies.", style="dim")


def _owed_table(rows: Sequence[Mapping[str, Any]], now: datetime) -> Table | Text:
    if not rows:
        return Text("Nobody owes an act.")
    table = Table(title="Owed", title_justify="left", box=None, padding=(0, 2), header_style="dim")
    for name in ("act", "by", "due", ""):
        table.add_column(name, no_wrap=name != "by")
    for row in rows:
        escalated = f", escalated {row['escalations']}×" if row["escalations"] else ""
        late = f"overdue{escalated}" if row["overdue"] else ""
        if row.get("stands_still"):
            late = "stands still"
        table.add_row(
            words(row["act"]),
            f"{words(row['role'])} {row['state']}",
            when(row["due"], now=now) or "no date",
            Text(late, style="bold red" if row["overdue"] else ""),
        )
    return table


def caseload(console: Console, rows: Sequence[Mapping[str, Any]], *, role: str | None = None) -> None:
    """The caseload, a line a case; of what is owed, what ``role`` owes first."""
    if not rows:
        console.print("No cases.")
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in ("case", "stage", "next owed", "due"):
        table.add_column(name, no_wrap=name in ("case", "due"), overflow="fold")
    for row in rows:
        owed = sorted(row["awaiting"], key=lambda each: (role not in (None, each["role"]), not each["overdue"]))
        stage = Text(words(row["stage"]) if row["status"] == "open" else f"closed: {words(row['outcome'])}")
        if row["holds"]:
            stage.append(f" ({listed(row['holds'])})", style="yellow")
        due = Text(when(row["due"]))
        if untold := row.get("untold"):
            says = {"not sent yet": False, "not tried any more": True}
            of = [said for said, given_up in says.items() if any(each["given_up"] is given_up for each in untold)]
            stage.append(f" (notices {', others '.join(of)})", style="yellow")
        if row["overdue"]:
            due.append(" overdue", style="bold red")
        table.add_row(row["reference"], stage, _next_owed(owed), due)
    console.print(table)
    closed = sum(row["status"] != "open" for row in rows)
    console.print(f"{len(rows) - closed} open, {closed} closed.", style="dim")


def _next_owed(owed: Sequence[Mapping[str, Any]]) -> str:
    if not owed:
        return ""
    first, more = owed[0], len(owed) - 1
    return f"{words(first['act'])}: {words(first['role'])} {first['state']}{f' (+{more})' if more else ''}"


def entries(console: Console, rows: Sequence[tuple[int, str, str, str]]) -> None:
    """Entries as (number, moment, kind, sentence), a line each."""
    styles = {"refused": "red", "overdue": "bold red", "escalated": "bold red", "detention": "bold red"}
    for n, at, kind, sentence in rows:
        console.print(
            f"{n:>4}  {when(at)}  [{styles.get(kind, 'dim')}]{words(kind):<11}[/]  {escape(sentence)}",
            soft_wrap=True,
        )


def places(console: Console, named: Mapping[str, str]) -> None:
    """Names and addresses, a line each."""
    table = Table.grid(padding=(0, 2))
    for name, value in named.items():
        table.add_row(Text(name, style="dim"), Text(value))
    console.print(table)


def names(console: Console, rows: Sequence[tuple[str, str]]) -> None:
    """Names with what they stand for."""
    table = Table.grid(padding=(0, 2))
    for name, meaning in rows:
        table.add_row(Text(name, style="bold"), Text(meaning))
    console.print(table)


def course(console: Console, begun: "Course") -> None:
    """The heading of a scenario that begins."""
    where = f"{begun.file}, agreement {begun.agreement}"
    console.print(f"[bold]{escape(begun.title)}[/bold]  ({escape(where)})", soft_wrap=True)


def played(console: Console, step: "Played") -> None:
    """One step of a rehearsal, on one line."""
    mark = "[green]ok [/green]" if step.as_expected else "[bold red]NOT[/bold red]"
    # The first case needs no name; another one says which it is.
    which = "" if step.case == "intake" else f"{step.case}: "
    line = f"  {mark} {step.step!s:>7}  {step.at[:16].replace('T', ' ')}  {escape(which + step.does)}"
    if step.result:
        line += f": {step.result}"
    if step.receipt and step.receipt["refusals"]:
        line += " by " + ", ".join(dict.fromkeys(refusal["safeguard"] for refusal in step.receipt["refusals"]))
    if step.faults:
        line += " (" + escape("; ".join(f"{fault['path']}: {fault['message']}" for fault in step.faults)) + ")"
    if step.unmet:
        line += "; but " + escape("; ".join(step.unmet))
    console.print(line, soft_wrap=True)


def profile(console: Console, checked: "Checked") -> None:
    """What became of an agreement profile: loaded, malformed, or refused clause by clause."""
    name, loaded = escape(checked.profile), checked.agreement
    if loaded:
        what = f"{checked.profile}, {loaded.title}, version {loaded.version}."
        console.print(f"[green]In order[/green]: {escape(what)}", soft_wrap=True)
    elif checked.faults:
        faults(console, f"{checked.profile}: malformed.", checked.faults)
    else:
        console.print(f"[bold red]Refused[/bold red]: {name} breaks the floor in {len(checked.breaches)} clauses.")
    for breach in checked.breaches:
        console.print(f"  [bold]{escape(breach.clause)}[/bold]: {escape(breach.says)}", soft_wrap=True)
        console.print(f"    the floor: {escape(breach.floor)}", soft_wrap=True)
        known = f"; the clause is {breach.certainty}: {breach.cited}" if breach.certainty else ""
        console.print(escape(f"    source:    {breach.source}{known}"), style="dim", soft_wrap=True)


@contextmanager
def bar(what: str) -> Generator[Callable[[int, int], None]]:
    """A progress bar on a terminal's standard error, told (done, of all). Elsewhere it is silent."""
    console = err()
    if not console.is_terminal:
        yield lambda done, of_all: None
        return
    progress = Progress(console=console, transient=True)
    task = progress.add_task(what, total=None)

    def told(done: int, of_all: int) -> None:
        # Begun with the first news and ended with the last: an idle bar would hide the cursor all the while.
        progress.start()
        progress.update(task, completed=done, total=of_all)
        if done >= of_all:
            progress.stop()

    try:
        yield told
    finally:
        progress.stop()


_SIGNS: Final = {"kept": "kept", "not_asked": "not yet asked", "refused": "refused", "broken": "BROKEN"}
_STYLES: Final = {"kept": "green", "not_asked": "dim", "refused": "yellow", "broken": "bold red"}


def erasure(console: Console, told: Mapping[str, Any], written: str | None) -> None:
    """How a case stands towards its erasure; or the certificate."""
    if "erased" in told:
        _certificate(console, told["erased"])
        if written:
            console.print(f"The certificate is written to {escape(written)}.", soft_wrap=True)
        if not told["finished"]:
            console.print("[bold red]It is not finished[/bold red]: do it again with --confirm.", soft_wrap=True)
        console.print("Processes that run forget the key within five minutes.", soft_wrap=True)
        if opening := told["backups_open_with"]:
            console.print(
                f"A backup of the key store from before can still be opened, with {', '.join(opening)}. To end that: "
                "`homeward keys rotate`, make a new backup, `homeward keys forget-old`, and delete older copies of the "
                "key file.",
                style="bold",
                soft_wrap=True,
            )
        else:
            console.print(
                "The key-encryption keys of that day are not held here any more: whoever has no copy of them can open no "
                "backup of the key store from before.",
                soft_wrap=True,
            )
        return
    asked = told.get("asked")
    console.print(f"[bold]{told['reference']}[/bold]", soft_wrap=True)
    if asked:
        rest = (
            "It was confirmed and is not finished: do it again with --confirm."
            if asked["confirmed"]
            else "Nothing is erased yet: another officer of the central authority confirms, with `homeward erase "
            f"{told['reference']} --confirm`, within thirty days."
        )
        console.print(
            f"{escape(asked['by'])} asks for its erasure ({words(asked['ground'])}), {when(asked['at'])}. {rest}",
            soft_wrap=True,
        )
    elif "obstacles" not in told:
        console.print("Nobody asks for its erasure any more.")
    if "obstacles" in told:
        for obstacle in told["obstacles"]:
            console.print(f"  {escape(obstacle)}", soft_wrap=True)
        if not told["obstacles"]:
            console.print("Nothing stands against its erasure.")


def left_of_erased(console: Console, told: Mapping[str, Any]) -> None:
    """What an audit says of a case that was erased."""
    _certificate(console, told["erased"])
    console.print(f"{told['entries']} entries, head {told['head']}", soft_wrap=True)
    _verdict(console, told["findings"])
    for remark in told["remarks"]:
        console.print(escape(remark), style="dim", soft_wrap=True)


def _certificate(console: Console, erased: Mapping[str, Any]) -> None:
    asked, confirmed = erased["asked"]["by"], erased["confirmed"]["by"]
    file = f", file {escape(erased['file'])}" if erased["file"] else ""
    console.print(
        f"[bold]{erased['reference']}[/bold] was erased on {when(erased['erased_at'])} "
        f"({words(erased['ground'])}{file}; to be kept until {erased['kept_until']}). Asked by {escape(asked['id'])}, "
        f"confirmed by {escape(confirmed['id'])}, central authority of {escape(confirmed['state'])}.",
        soft_wrap=True,
    )
    for title, said in (("Nobody can read", erased["unreadable"]), ("Still there", erased["still_readable"])):
        console.print(f"{title}:")
        for each in said:
            console.print(f"  - {escape(each)}", soft_wrap=True)


def audit(console: Console, told: Mapping[str, Any], dossier: str | None) -> None:
    """What an audit found: the verdict, the safeguards, the deadlines."""
    console.print(f"[bold]{told['reference']}[/bold]  {told['entries']} entries, head {told['head']}", soft_wrap=True)
    console.print(
        f"{_counted(len(told['runs']), 'run')}: {told['in_engine']} in the engine, {told['in_archive']} in the "
        f"archive; {told['replayed']} put through today's code.",
        style="dim",
        soft_wrap=True,
    )
    _signatures(console, told["signatures"])
    _verdict(console, told["findings"])
    table = Table(title="Safeguards", title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("safeguard", "status", "shown by", "refused in"):
        table.add_column(name, no_wrap=name == "safeguard", overflow="fold")
    for row in told["safeguards"]:
        table.add_row(
            row["name"],
            Text(_SIGNS[row["status"]], style=_STYLES[row["status"]]),
            _shown_by(row),
            _first_few([str(n) for n in row["refused_by"]], row["refused"]),
        )
    console.print(table)
    for row in told["safeguards"]:
        for broken in row["broken_by"]:
            console.print(f"  {row['name']}, entry {broken['entry']}: {escape(broken['why'])}", soft_wrap=True)
    console.print(_deadlines_table(told["deadlines"]))
    if dossier:
        console.print(f"The dossier is written to {escape(dossier)}.", soft_wrap=True)


def _counted(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"


def _signatures(console: Console, told: Mapping[str, Any]) -> None:
    """Who vouched for the acts, in a line for each key."""
    if not told["required"] and not told["checked"]:
        console.print("Acts count without a signature in this case.", style="dim")
    for key in told["by_key"]:
        console.print(
            f"{_counted(key['entries'], 'signature')} checked, by the key {key['kid']} of {printable(key['owner'])}.",
            style="dim",
            markup=False,
            soft_wrap=True,
        )
    if told["without_keys"]:
        console.print(
            f"{_counted(told['without_keys'], 'signature')} not checked: there are no published keys here (--keys).",
            style="yellow",
        )


def _verdict(console: Console, findings: Sequence[Mapping[str, Any]]) -> None:
    if not findings:
        console.print("[bold green]The record verifies.[/bold green]")
        return
    console.print("[bold red]The record does not verify.[/bold red]")
    for finding in findings:
        console.print(f"  - {escape(printable(finding['sentence']))}", soft_wrap=True)


def _shown_by(row: Mapping[str, Any]) -> str:
    told = [f"{kept['entry']}{_by(kept['evidence'])}" for kept in row["kept_by"]]
    return _first_few(told, row["kept"])


def _by(evidence: Sequence[int]) -> str:
    return f" by {', '.join(map(str, evidence))}" if evidence else ""


def _first_few(told: Sequence[str], of_all: int, *, most: int = 6) -> str:
    more = f" (+{of_all - most})" if of_all > most else ""
    return "; ".join(told[:most]) + more


def _deadlines_table(figures: Sequence[Mapping[str, Any]]) -> Table | Text:
    if not figures:
        return Text("No deadlines.")
    table = Table(title="Deadlines", title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("deadline", "owed by", "due", "met", "late by"):
        table.add_column(name, overflow="fold")
    for figure in figures:
        met = (
            when(figure["met_at"])
            if figure["met_at"]
            else "dropped"
            if figure["dropped_at"]
            else "still owed"
            if figure["role"]
            else "still runs"
        )
        late = in_words(timedelta(seconds=figure["late_seconds"])) if figure["late_seconds"] is not None else ""
        office = f"{words(figure['role'])} {figure['state'] or ''}".strip() if figure["role"] else ""
        table.add_row(words(figure["name"]), office, when(figure["due"]), met, Text(late, style="bold red"))
    return table


def verified(console: Console, told: Mapping[str, Any]) -> None:
    """What became of a dossier's check."""
    console.print(
        f"[bold]{escape(told['reference'])}[/bold]  a dossier for: {words(told['reader'])}; {told['entries']} entries, "
        f"{told['withheld']} of them not whole for this reader; {_counted(told['runs'], 'run')}.",
        soft_wrap=True,
    )
    console.print(f"head {told['head']}", soft_wrap=True)
    if told["replayed"]:
        console.print(f"{_counted(told['replayed'], 'run')} put through today's code.", style="dim")
    elif told["runs"] and not told["findings"]:
        console.print("Not put through any code (--no-replay): what time brought was not checked.", style="yellow")
    _signatures(console, told["signatures"])
    _verdict(console, told["findings"])
    for remark in told["remarks"]:
        console.print(f"  {printable(remark)}", style="dim", soft_wrap=True, markup=False)
    if "pages" in told:
        console.print(f"The pages are written to {told['pages']}.", markup=False, soft_wrap=True)


def statistics(console: Console, told: Mapping[str, Any]) -> None:
    """Figures over many cases."""
    cases = told["cases"]
    console.print(f"[bold]{cases['all']} cases[/bold]: {cases['open']} open, {cases['closed']} closed.")
    console.print(
        _figures(
            "Days in each stage",
            ("stage", "cases", "median", "longest"),
            [
                (words(stage), days["count"], days["median_days"], days["longest_days"])
                for stage, days in told["time_in_stages"].items()
            ],
        )
    )
    console.print(
        _figures(
            "Deadlines by office",
            ("office", "owed", "missed", "median late (h)"),
            [
                (
                    f"{words(office['role'])} {office['state'] or ''}".strip(),
                    office["owed"],
                    office["missed"],
                    "" if office["median_late_hours"] is None else office["median_late_hours"],
                )
                for office in told["deadlines_by_office"]
            ],
        )
    )
    console.print(_figures("Refusals", ("safeguard", "refusals"), list(told["refusals_by_safeguard"].items())))
    found = told["detentions"]
    hours = found["hours_to_release"]
    within = f"; hours to release: median {hours['median_hours']}, longest {hours['longest_hours']}" if hours else ""
    console.print(f"Detentions: {found['reported']} reported, {found['open']} not ended yet{within}.", soft_wrap=True)
    console.print(
        _figures("Endings", ("ending", "cases"), [(words(name), count) for name, count in told["endings"].items()])
    )


def _figures(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for position, name in enumerate(columns):
        table.add_column(name, justify="right" if position else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(str, row))
    return table


def then_and_now(console: Console, told: Mapping[str, Any]) -> None:
    """What was known then beside what is known now."""
    table = Table(title="Known then, known now", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in ("", f"then (entry {told['then']['entry']})", f"now (entry {told['now']['entry']})"):
        table.add_column(name, overflow="fold")
    for name, field in told["fields"].items():
        if field["differs"] and name not in ("awaiting", "deadlines", "head"):
            table.add_row(words(name), _value(field["then"]), _value(field["now"]))
    console.print(table)
    for each in told["corrected"]:
        console.print(
            f"  entry {each['entry']}, {escape(each['field'])}: {escape(_value(each['then']))} then; "
            f"{escape(_value(each['now']))} now, set right by entry {each['by']}",
            soft_wrap=True,
        )
    for each in told["undone"]:
        console.print(
            f"  entry {each['entry']} ({words(each['act'])}) stood then; entry {each['by']} made it void",
            soft_wrap=True,
        )
    for each in told["ended"]:
        console.print(
            f"  entry {each['entry']} ({words(each['fact'])}) stood then; entry {each['by']} took its place",
            soft_wrap=True,
        )


def _value(value: Any) -> str:
    """A value of the case view in few words."""
    if value is None or value in ([], {}):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_value(each) for each in cast("list[Any]", value))
    if isinstance(value, dict):
        placement = cast("dict[str, Any]", value)
        return f"{placement.get('name', '')} ({words(placement.get('kind'))}, run by {words(placement.get('run_by'))})"
    return str(value)


def acts(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """The acts as they stood for each role: the open ones, and why the others were not."""
    for role in dict.fromkeys((row["role"], row["state"]) for row in rows):
        of_role = [row for row in rows if (row["role"], row["state"]) == role]
        console.print(f"[bold]{words(role[0])} {role[1]}[/bold]")
        for row in of_role:
            if row["open"]:
                only = "".join(
                    f" ({words(field)}: {', '.join(map(str, values))})"
                    for field, values in row["choices"].items()
                    if values
                )
                owed = "  owed" + (f" by {when(row['due'])}" if row["due"] else "") if row["owed"] else ""
                console.print(f"  open    {words(row['act'])}{escape(only)}{owed}", soft_wrap=True)
        for row in of_role:
            if not row["open"]:
                because = "; ".join(f"{refusal['safeguard']}: {refusal['message']}" for refusal in row["closed_by"][:2])
                console.print(f"  closed  {words(row['act'])}: {escape(because)}", style="dim", soft_wrap=True)
