"""The command that asks what if: `homeward foresee`. Invented cases, stated delays, the law alone; no engine."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from starter.endings import CannotGoOn, Exit
from starter.options import AsJson, Debug, known, print_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from casefile.delays import Delays
    from casefile.foresight import Foresight
    from procedure.agreement import Agreement

foreseeing_app = typer.Typer(rich_markup_mode=None)

_MOST_CASES: Final = 1_000_000
_MOST_DAYS: Final = 3_650
_MOST_ROWS: Final = 12
_IS_ARITHMETIC: Final = (
    "This foresees nothing about any child: it is arithmetic on invented cases and on delays that somebody stated."
)


@foreseeing_app.command("foresee")
def foresee_command(
    profiles: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PROFILE [OTHER]",
            help="One agreement, or two to be put side by side: shipped ids, files, or folders with a profile.toml.",
        ),
    ] = None,
    delays: Annotated[
        list[Path] | None,
        typer.Option(
            "--delays",
            metavar="FILE",
            help="The delays that are assumed, a .toml; given twice, the second is for the second agreement. "
            "[default: invented ones that come along]",
        ),
    ] = None,
    cases: Annotated[int, typer.Option("--cases", metavar="N", help="How many invented cases.")] = 10_000,
    days: Annotated[int, typer.Option("--days", metavar="N", help="How long each of them is looked at.")] = 365,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Another number makes other cases; the same one the same.")
    ] = 1,
    between: Annotated[
        str | None,
        typer.Option("--between", metavar="HOST-ORIGIN", help="The two states. [default: as the agreement suggests]"),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Draw the picture, an .svg, there.")] = None,
    language: Annotated[
        str, typer.Option("--language", metavar="CODE", help="Language of the picture: en, ro, uk, ru or ky.")
    ] = "en",
    print_delays: Annotated[
        bool, typer.Option("--print-delays", help="Print the file of invented delays that comes along, to copy it.")
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """What if: many invented cases under an agreement, each office acting after a stated delay.

    Where cases wait and for whom, which deadline is missed first, how many days to an ending; two agreements side by
    side. It needs no engine, reads no case, and foresees nothing about any child.
    """
    from casefile.delays import INVENTED
    from casefile.foresight import foresee
    from casefile.languages import LANGUAGES
    from starter import showing

    if print_delays:
        print(INVENTED.read_text("utf-8"), end="")
        return
    known("--language", language, LANGUAGES)
    _within("--cases", cases, 1, _MOST_CASES)
    _within("--days", days, 1, _MOST_DAYS)
    _within("--seed", seed, 0, 2**63 - 1)
    named = list(profiles or ())
    if not 1 <= len(named) <= 2:
        raise CannotGoOn("PROFILE: name one agreement, or two to put them side by side.", code=Exit.MALFORMED)
    if out is not None and out.is_dir():
        raise CannotGoOn(f"--out: {out} is a folder; name a file in it.", code=Exit.MALFORMED)
    assumed = delays_of(delays or [], len(named))
    states = _states(between)
    agreements = [_agreement(profile, states) for profile in named]
    found: list[Foresight] = []
    for agreement, its_delays in zip(agreements, assumed, strict=True):
        with showing.bar(f"Cases under {agreement.id}") as progress:
            found.append(
                foresee(agreement, its_delays, cases=cases, days=days, seed=seed, states=states, progress=progress)
            )
    if out is not None:
        _draw(out, found, language)
    told = [
        {"delays": {"title": its.title, "note": its.note}, **each.as_json()}
        for its, each in zip(assumed, found, strict=True)
    ]
    if as_json:
        print_json({"what_this_is": _IS_ARITHMETIC, "seed": seed, "foreseen": told})
        return
    show(showing.out(), told)
    if out is not None:
        print(f"The picture is written to {out}.")


def _within(option: str, given: int, least: int, most: int) -> None:
    if not least <= given <= most:
        raise CannotGoOn(f"{option}: give a whole number from {least} to {most}.", code=Exit.MALFORMED)


def delays_of(given: Sequence[Path], agreements: int) -> "list[Delays]":
    """The delays assumed for each agreement. Raises CannotGoOn, or MalformedDelays with every fault."""
    from casefile.delays import INVENTED, read_delays
    from procedure.toml_text import MOST_CHARACTERS

    if len(given) > agreements:
        raise CannotGoOn("--delays: there are more files of delays than agreements.", code=Exit.MALFORMED)
    files = list(given) or [INVENTED]
    found: list[Delays] = []
    for path in [*files, *files[-1:] * (agreements - len(files))]:
        try:
            with path.open(encoding="utf-8") as file:
                # No more of it than tells that it is too long.
                found.append(read_delays(file.read(MOST_CHARACTERS + 1)))
        except OSError as error:
            raise CannotGoOn(f"--delays: {path} cannot be read ({error.strerror}).", code=Exit.MALFORMED) from None
        except UnicodeDecodeError:
            raise CannotGoOn(f"--delays: {path} is not UTF-8 text.", code=Exit.MALFORMED) from None
    return found


def _states(between: str | None) -> tuple[str, str] | None:
    if between is None:
        return None
    if not (found := re.fullmatch(r"([A-Z]{2})-([A-Z]{2})", between)) or found[1] == found[2]:
        raise CannotGoOn(
            "--between: give the host and the origin state as two different codes, for example MD-UA.",
            code=Exit.MALFORMED,
        )
    return found[1], found[2]


def _agreement(profile: str, states: tuple[str, str] | None) -> "Agreement":
    """The agreement of a profile, if cases can be opened under it. Raises CannotGoOn."""
    from casefile.invented import days_of_opening
    from starter import showing
    from starter.profiles import check

    checked = check(profile)
    if checked.breaches:
        showing.profile(showing.err(), checked)
        raise CannotGoOn(f"{profile} breaks the floor, and no case can be opened under it.", code=Exit.REFUSED)
    agreement = checked.agreement
    if agreement is None:
        raise CannotGoOn(f"{profile} cannot be used.", code=Exit.MALFORMED, faults=checked.faults)
    if states is not None and not agreement.covers(*states):
        raise CannotGoOn(
            f"--between: {profile} is not between {states[0]} and {states[1]}; it binds {', '.join(agreement.states)}.",
            code=Exit.MALFORMED,
        )
    if not days_of_opening(agreement):
        raise CannotGoOn(f"{profile} is no longer in force when the invented cases open.", code=Exit.MALFORMED)
    return agreement


def _draw(out: Path, found: "Sequence[Foresight]", language: str) -> None:
    from casefile.languages import language as language_of
    from casefile.pictures import foresight_picture

    said = language_of(language)
    try:
        out.write_text(foresight_picture(found, say=said.term, _=said.gettext, number=said.number), encoding="utf-8")
    except OSError as error:
        raise CannotGoOn(f"{out} cannot be written ({error.strerror}).", code=Exit.MALFORMED) from None


# On the screen

_Told = Mapping[str, Any]


def show(console: "Console", foreseen: Sequence[_Told]) -> None:
    """One agreement, or two side by side, in tables."""
    from starter.showing import words

    for letter, each in zip("AB", foreseen, strict=False):
        agreement, all_of = each["agreement"], each["cases"]["all"]
        name = f"{letter}: " if len(foreseen) > 1 else ""
        console.print(
            f"{name}{all_of} invented cases of {each['days']} days each under {agreement['id']}, version "
            f"{agreement['version']}, between {each['host_state']} and {each['origin_state']}. "
            f"Delays: {each['delays']['title']}.",
            markup=False,
            soft_wrap=True,
        )
        if each["days"] <= each["last_visit_days"] and not each["endings"]["returned"]:
            console.print(
                f"{name}The last visit is due {each['last_visit_days']} days after an arrival: no return is closed "
                f"within {each['days']} days. --days looks further.",
                markup=False,
                soft_wrap=True,
            )
    console.print(_IS_ARITHMETIC, soft_wrap=True)

    def table(title: str, first: str, columns: Sequence[str], rows: Sequence[tuple[str, list[list[str]]]]) -> None:
        console.print(_table(title, first, columns, rows, len(foreseen)))

    def rows(
        names: Sequence[Any], name: Callable[[Any], str], figures: Callable[[_Told, Any], list[str]]
    ) -> list[tuple[str, list[list[str]]]]:
        return [(name(each), [figures(of, each) for of in foreseen]) for each in names]

    stages = list(dict.fromkeys(stage for each in foreseen for stage in each["days_in_stages"]))
    table(
        "Days in each stage",
        "stage",
        ("cases", "median", "nine in ten"),
        rows(stages, words, lambda of, stage: _days(of["days_in_stages"].get(stage))),
    )

    def office(row: _Told) -> tuple[str, str]:
        return row["role"], row["side"]

    waits = [{office(row): row for row in each["days_waited_for"]} for each in foreseen]
    offices = sorted(
        {key for each in waits for key in each},
        key=lambda key: -max(each[key]["mean_days_a_case"] for each in waits if key in each),
    )
    table(
        "Days on which a case waits for an office",
        "office",
        ("mean", "median", "nine in ten", "deadlines missed"),
        [(_office(*key), [_waited(each.get(key)) for each in waits]) for key in offices],
    )
    first = [{(row["deadline"], *office(row)): row["cases"] for row in each["first_missed"]} for each in foreseen]
    missed = sorted({key for each in first for key in each}, key=lambda key: -max(each.get(key, 0) for each in first))
    shown: list[tuple[str, list[list[str]]]] = [
        (
            f"{words(key[0])}: {_office(*key[1:])}",
            [[_share(each.get(key, 0), of)] for each, of in zip(first, foreseen, strict=True)],
        )
        for key in missed[:_MOST_ROWS]
    ]
    rest = [
        [_share(sum(each.get(key, 0) for key in missed[_MOST_ROWS:]), of)]
        for each, of in zip(first, foreseen, strict=True)
    ]
    shown += [("others", rest)] if missed[_MOST_ROWS:] else []
    shown.append(("no deadline missed", [[_share(of["no_deadline_missed"], of)] for of in foreseen]))
    table("The deadline missed first", "deadline and office", ("of the cases",), shown)
    table(
        "Endings, and days to them",
        "ending",
        ("of the cases", "median", "nine in ten"),
        [
            *rows(
                list(foreseen[0]["endings"]),
                words,
                lambda of, outcome: [
                    _share(of["endings"][outcome], of),
                    *_days(of["days_to_an_ending"][outcome])[1:],
                ],
            ),
            ("still open", [[_share(of["cases"]["open"], of), "", ""] for of in foreseen]),
        ],
    )
    standing = [
        stage for stage in foreseen[0]["open_at_the_end"] if any(of["open_at_the_end"][stage] for of in foreseen)
    ]
    table(
        "Open at the end, by stage",
        "stage",
        ("cases",),
        rows(standing, _settled, lambda of, stage: [str(of["open_at_the_end"][stage])]),
    )
    safeguards = list(dict.fromkeys(name for each in foreseen for name in each["refusals_by_safeguard"]))
    table(
        "Acts refused",
        "safeguard",
        ("acts",),
        rows(safeguards, words, lambda of, name: [str(of["refusals_by_safeguard"].get(name, 0))]),
    )


def _table(
    title: str, first: str, columns: Sequence[str], rows: Sequence[tuple[str, list[list[str]]]], agreements: int
) -> "Table":
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first, overflow="fold")
    for letter in "AB"[:agreements]:
        for column in columns:
            table.add_column(f"{letter}: {column}" if agreements > 1 else column, justify="right")
    for name, figures in rows:
        table.add_row(name, *(figure for each in figures for figure in each))
    return table


def _settled(stage: str) -> str:
    return "settled, not yet closed" if stage == "closed" else stage.replace("_", " ")


def _office(role: str, side: str) -> str:
    return f"{role.replace('_', ' ')}, {side} state"


def _days(told: _Told | None) -> list[str]:
    if told is None:
        return ["0", "", ""]
    return [str(told["count"]), f"{told['median_days']:.1f}", f"{told['nine_in_ten_days']:.1f}"]


def _waited(told: _Told | None) -> list[str]:
    if told is None:
        return ["0.0", "", "", ""]
    missed = f"{told['deadlines_missed']} of {told['deadlines']}" if told["deadlines"] else ""
    return [f"{told['mean_days_a_case']:.1f}", *_days(told)[1:], missed]


def _share(cases: int, told: _Told) -> str:
    return f"{100 * cases / told['cases']['all']:.1f} %"
