"""Bad input through a whole house: to the engine as updates, signals, queries and starts of every process, and to the desk over HTTP.

The house traces, and what goes to the engine goes with headers. What must hold: each is answered as the contract knows
it, no workflow task fails, the house's logs hold no traceback, and the cases that all of it was sent to
still take a good act.
"""

import asyncio
import contextlib
import multiprocessing
import re
import secrets
import subprocess
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from desk.development import PEOPLE
from desk.forms import INTAKE, posted
from hostile import forms, headers, signatures
from hostile.acts import Acts, standings
from hostile.files import Intakes
from hostile.house import SAYS_A_TRACEBACK, House, command
from hostile.judging import chance_of
from hostile.values import documents, hostile_text, hostile_value, written
from proof.exploring import intake
from proof.scopes import shipped
from sealing.signing_keys import SigningKeyFile

_AT_ONCE: Final = 6
"""Fewer than the ten updates that the engine takes of one case at a time."""
_PATIENCE: Final = 120
"""Seconds within which each has an answer. A case whose task fails again and again gives none."""
_HANGS: Final = 5
"""So many without an answer, and the rest is not sent; that fewer were judged than asked for is a find by itself."""
_SIGNED: Final = 0.2
"""The share of updates and signals that go to the case of signed acts."""
_STEPS: Final = ("states", "agreement", "found", "child", "situation", "placement", "relatives")
_READ: Final = ("200", "303", "409", "422")
"""Answers to a form whose fields were read."""
_TRACED: Final = b"HandleQuery:case"
"""What a house that traces tells of a question that came with a trace."""
_TOLD_WITHIN: Final = 30
"""Seconds within which it tells that: it tells every five."""
_CASEWORKER: Final = {"id": "caseworker-1", "role": "caseworker", "state": "MD"}
_AT_THE_DESK: Final = {"id": "caseworker-md-1", "role": "caseworker", "state": "MD"}
_OPENS: Final = {"id": "central-authority-md-1", "role": "central_authority", "state": "MD"}
_NO_ENTRY: Final = ("MalformedAct", "MalformedIntake", "NotOpenYet", "MalformedQuery", "LikelyDuplicate")
_ANSWERS: Final = frozenset(
    {200, 201, 204, 301, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 409, 410, 411, 412, 413}
)
_MORE_ANSWERS: Final = frozenset({414, 415, 417, 422, 428, 429, 431})
"""Nothing of 500 and above: that would be a fault of ours."""


@dataclass
class Answered:
    """What came of many inputs at one door."""

    door: str
    inputs: int = 0
    answers: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])

    def add(self, answer: str, *, wrong: bool = False) -> None:
        self.inputs += 1
        self.answers[answer] += 1
        if wrong and answer not in self.wrong:
            self.wrong.append(answer)


def of_an_invented_child() -> dict[str, Any]:
    """An intake of a child that no case knows."""
    good = intake(shipped()[0]["model"])
    return {**good, "child": {**good["child"], "family_name": f"Invented {secrets.token_hex(4)}"}}


def some_acts() -> list[dict[str, Any]]:
    """Acts that a case takes at its beginning, one that is refused, and one that brings a hold about."""
    locked = {"name": "Invented", "kind": "hospital", "run_by": "police", "child_may_leave_at_will": None}
    said: list[dict[str, Any]] = [
        {"act": "verify_identity", "result": "presumed", "sources": ["what the child told"]},
        {"act": "place_child", "reason": "a free bed", "placement": locked},
        {"act": "report_detention", "placement": locked, "since": "2026-02-02T10:00:00Z"},
        {"act": "note", "text": "an invented note"},
    ]
    return [{**each, "act_id": f"first-{n}", "actor": _CASEWORKER} for n, each in enumerate(said)]


def through(at: House, cases: "Sent", seed: int, count: int, dossier: bytes) -> list[Answered]:
    """Send so many inputs through a house, in a process of its own; what came of them, by door.

    A process of its own, because the engine's client leaves threads behind, and what is judged later is forked.
    """
    answers, told = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_send, args=(at, cases, seed, count, told))
    process.start()
    told.close()
    try:
        doors: list[Answered] = answers.recv()
    except EOFError:
        raise RuntimeError("what sends bad input to a house has died") from None
    process.join()
    return [*doors, _in_processes(at, cases.plain, seed, max(4, count // 60), dossier)]


def _send(at: House, cases: "Sent", seed: int, count: int, told: Any) -> None:
    told.send(asyncio.run(_Sender(at, cases, seed).all(count)))
    told.close()


@dataclass(frozen=True)
class Sent:
    """The references of the cases of a house to which all of it is sent."""

    plain: str
    signed: str
    """In this one only signed acts count."""


async def many(
    seed: int, door: str, count: int, send: Callable[[Random, Answered], Coroutine[Any, Any, None]]
) -> Answered:
    """Send so many at a door, several at once; what came of them."""
    answered, turn = Answered(door), asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> None:
        async with turn:
            if sum(times for answer, times in answered.answers.items() if "Timeout" in answer) >= _HANGS:
                return  # nothing is heard here any more, and each would be waited for
            headers.send(headers.drawn(chance_of(seed, f"headers of {door}", number)))
            try:
                await asyncio.wait_for(send(chance_of(seed, door, number), answered), _PATIENCE)
            except Exception as error:  # noqa: BLE001 - that is what is looked for
                answered.add(f"{type(error).__name__}: {str(error)[:80]} ({number})", wrong=True)

    await asyncio.gather(*(one(number) for number in range(count)))
    if answered.inputs != count:
        answered.wrong.append(f"{count:,} inputs were asked for, {answered.inputs:,} answers are known")
    return answered


_DUE: Final = "2027-01-01T00:00:00Z"
_OTHERS: Final[dict[str, dict[str, Any]]] = {
    "FamilyTracing": {"entry": 3, "host_state": "MD", "origin_state": "UA", "via": "central_authority", "due": _DUE},
    "ReintegrationMonitoring": {"entry": 9, "origin_state": "UA", "visits": [{"visit": 1, "due": _DUE}]},
    "ArchiveRun": {"run": "00000000-0000-0000-0000-000000000000"},
    "SweepArchive": {"days": 1},
}
"""What they are begun with."""
_IDS: Final = {
    "FamilyTracing": "tracing",
    "ReintegrationMonitoring": "monitoring",
    "ArchiveRun": "x",
    "SweepArchive": "x",
}
"""How a case names them: after its reference, and before the number of an entry."""
_LONG: Final = "x" * 1_900_000
"""Nearly as long as anything that the engine takes: what gives it on in an envelope gives on too much."""
_SIGNALS: Final = ("ended", "visited", "record", "of no such name")


class _Sender:
    def __init__(self, at: House, cases: Sent, seed: int) -> None:
        self.at, self.cases, self.reference, self.seed = at, cases, cases.plain, seed
        self._acts, self._intakes = Acts(standings()), Intakes()
        # The house's own: the best that a forger could have.
        self._key = SigningKeyFile(at.data / "signing.key").read()
        self._client: Any = None
        self.begun: set[str] = set()

    async def all(self, count: int) -> list[Answered]:
        from temporalio.client import Client

        from workflows.raw import for_worker

        # A stranger's client: what it sends is in clear, as the stock tools send it, and what comes back it cannot open.
        self._client = for_worker(await Client.connect(self.at.engine, interceptors=[headers.WithHeaders()]))
        desk = self._at_the_desk()
        doors = [
            await many(self.seed, "updates", 4 * count // 20, self._update),
            await many(self.seed, "signals", 3 * count // 20, self._signal),
            await many(self.seed, "queries", 2 * count // 20, self._query),
            await many(self.seed, "starts", 2 * count // 20, self._start),
            await many(self.seed, "other processes", count // 20, self._other),
            await many(self.seed, "the API", 4 * count // 20, self._asking(desk)),
            with_fields_read(await many(self.seed, "forms", 4 * count // 20, self._filling_in(desk))),
        ]
        doors.append(await self._afterwards())
        return doors

    def _arguments(self, raw: bytes, chance: Random) -> list[Any]:
        from temporalio.common import RawValue

        return [RawValue(headers.payload(raw, chance)) for _ in range(chance.choice((1,) * 20 + (0, 2, 3)))]

    def _handle(self, reference: str | None = None) -> Any:
        return self._client.get_workflow_handle(reference or self.reference)

    def _said(self, chance: Random) -> tuple[str, bytes]:
        """What is sent to which case: to the one of signed acts, acts with signatures."""
        if chance.random() >= _SIGNED:
            return self.cases.plain, self._acts.make(chance).raw
        said = {**chance.choice(chance.choice(self._acts.standings).said), "act_id": f"signed-{chance.random()}"}
        given = signatures.with_signature(
            said, chance, self._key, reference=self.cases.signed, at=datetime.now(UTC).replace(microsecond=0)
        )
        return self.cases.signed, written(given, chance).encode("utf-8", "surrogatepass")

    async def _update(self, chance: Random, answered: Answered) -> None:
        from temporalio.client import WorkflowUpdateFailedError
        from temporalio.common import RawValue

        reference, raw = self._said(chance)
        arguments = self._arguments(raw, chance)
        try:
            await self._handle(reference).execute_update("record", args=arguments, result_type=RawValue)
        except WorkflowUpdateFailedError as failed:
            kind = str(getattr(failed.cause, "type", type(failed.cause).__name__))
            answered.add(kind, wrong=kind not in _NO_ENTRY)
        else:
            answered.add("a receipt")

    async def _signal(self, chance: Random, answered: Answered) -> None:
        reference, raw = self._said(chance)
        await self._handle(reference).signal("record", args=self._arguments(raw, chance))
        answered.add("taken")

    async def _query(self, chance: Random, answered: Answered) -> None:
        from temporalio.client import WorkflowQueryFailedError
        from temporalio.common import RawValue

        value = chance.randrange(-2, 40) if chance.random() < 0.2 else hostile_value(chance)
        raw = b"[" * 100_000 if chance.random() < 0.02 else written(value).encode("utf-8", "surrogatepass")
        name = chance.choice(("case", "ledger", "ledger"))
        arguments = self._arguments(raw, chance)
        # Why a query failed the engine tells nobody, for that is sealed. So what is to be answered is asked here first.
        refused = refusal_of(name, arguments)
        try:
            await self._handle().query(name, args=arguments, result_type=RawValue)
        except WorkflowQueryFailedError:
            said = "a query that failed"
        else:
            said = "an answer"
        told, wrong = judged_query(name, refused, said)
        answered.add(told, wrong=wrong)

    async def _start(self, chance: Random, answered: Answered) -> None:
        from temporalio.client import WorkflowFailureError, WorkflowQueryFailedError
        from temporalio.common import RawValue

        letters = "".join(chance.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(6))
        id = (
            f"MD-UA-2026-{letters}"
            if chance.random() < 0.9
            else f"{hostile_text(chance)[:50]}{letters}".replace("\x00", "")
        )
        handle = await self._client.start_workflow(
            "ReturnCase",
            args=self._arguments(self._intakes.make(chance).raw, chance),
            id=id,
            task_queue="return-cases",
            result_type=RawValue,
        )
        self.begun.add(id)
        # Whoever asks waits until the case has come to its first step; it is open a moment later, or has ended.
        ended = asyncio.ensure_future(handle.result())
        for _ in range(60):
            try:
                await handle.query("case", result_type=RawValue)
            except WorkflowQueryFailedError:
                await asyncio.wait([ended], timeout=1)
            else:
                ended.cancel()
                answered.add("a case is open")
                return
            if ended.done():
                break
        try:
            await asyncio.wait_for(ended, 1)
        except WorkflowFailureError as failed:
            kind = str(getattr(failed.cause, "type", type(failed.cause).__name__))
            answered.add(kind, wrong=kind not in _NO_ENTRY)
        else:
            answered.add("a case that has ended", wrong=True)

    async def _other(self, chance: Random, answered: Answered) -> None:
        """A process that is no case: begun with anything, and told anything. Whether its tasks fail is seen afterwards."""
        from temporalio.client import WorkflowFailureError, WorkflowQueryFailedError
        from temporalio.common import RawValue
        from temporalio.service import RPCError

        name, entry = chance.choice(list(_OTHERS)), chance.randrange(1, 10**9)
        good = {**_OTHERS[name], "reference": self.reference, "entry": entry}
        how = chance.choice(("good", "good", "spoiled", "spoiled", "spoiled", "long", "two"))
        match how:
            case "spoiled":
                arguments = self._arguments(documents(good, chance, [good]), chance)
            case "long":
                arguments = [RawValue(headers.in_json(written({**good, "reference": _LONG}).encode()))]
            case _:
                arguments = [RawValue(headers.in_json(written(good).encode()))] * (1 + (how == "two"))
        handle = await self._client.start_workflow(
            name, args=arguments, id=f"{self.reference}/{_IDS[name]}-{entry}", task_queue="return-cases"
        )
        self.begun.add(handle.id)
        for signal in chance.sample(_SIGNALS, chance.randrange(3)):
            with contextlib.suppress(RPCError):  # it has ended by then
                value = _LONG if chance.random() < 0.1 else hostile_value(chance)
                raw = written(value).encode("utf-8", "surrogatepass")
                await handle.signal(signal, args=self._arguments(raw, chance))
        with contextlib.suppress(WorkflowQueryFailedError):  # it could not begin
            # Whoever asks waits until its first task is done.
            await handle.query("__temporal_workflow_metadata", result_type=RawValue)
        status = (await handle.describe()).status
        ending = status.name if status else "unknown"
        if ending == "FAILED":
            try:
                await handle.result()
            except WorkflowFailureError as failed:
                ending = str(getattr(failed.cause, "type", type(failed.cause).__name__))
        answered.add(f"{name}, {how}: {ending}", wrong=judged_start(name, how, ending))

    def _at_the_desk(self) -> Callable[[str], Coroutine[Any, Any, tuple[Any, str]]]:
        """Somebody's browser, signed in, and the token of their session."""
        import httpx2

        clients: dict[str, Any] = {}
        tokens: dict[str, str] = {}
        signing = asyncio.Lock()

        async def of(person: str) -> tuple[Any, str]:
            async with signing:
                if person not in tokens:
                    clients[person] = httpx2.AsyncClient(base_url=self.at.desk, timeout=60, follow_redirects=False)
                    tokens[person] = await _signed_in(clients[person], person, self.reference)
            return clients[person], tokens[person]

        return of

    def _asking(
        self, desk: Callable[[str], Coroutine[Any, Any, tuple[Any, str]]]
    ) -> Callable[[Random, Answered], Coroutine[Any, Any, None]]:
        async def ask(chance: Random, answered: Answered) -> None:
            method, path, more = self._request(chance)
            # Each speaks for themselves: as anybody else nothing would get past the door.
            person = _OPENS["id"] if path == "/api/cases" else _AT_THE_DESK["id"]
            browser, token = await desk(person)
            sent = {"X-CSRF-Token": token, "Content-Type": "application/json", **more.pop("headers", {})}
            answer = await browser.request(method, path, headers=sent, **more)
            wrong = answer.status_code not in _ANSWERS | _MORE_ANSWERS
            if path == "/api/cases" and answer.status_code == 201:
                self.begun.add(answer.json()["reference"])
            if answer.url.path.startswith("/api/") and answer.status_code >= 400 and not wrong:
                kind = answer.headers.get("content-type", "")
                wrong = "problem+json" not in kind and answer.status_code not in (400, 431)
            answered.add(f"{answer.status_code}{f' at {method} {path[:60]!r}' if wrong else ''}", wrong=wrong)

        return ask

    def _filling_in(
        self, desk: Callable[[str], Coroutine[Any, Any, tuple[Any, str]]]
    ) -> Callable[[Random, Answered], Coroutine[Any, Any, None]]:
        async def fill_in(chance: Random, answered: Answered) -> None:
            if chance.random() < 0.8:
                said = chance.choice(chance.choice(self._acts.standings).said)
                actor = (said["actor"]["role"], said["actor"]["state"])
                # Each act by somebody whose act it is; by the caseworker where no such person is there.
                there = [each.id for each in PEOPLE if (each.role, each.state) == actor]
                browser, _ = await desk(chance.choice(there or [_AT_THE_DESK["id"]]))
                told = await self._act_form(browser, said, chance)
            else:
                browser, _ = await desk(_OPENS["id"])
                told = await self._opening(browser, chance)
            answered.add(told, wrong=told.startswith("wrong"))

        return fill_in

    async def _act_form(self, browser: Any, said: dict[str, Any], chance: Random) -> str:
        path = f"/cases/{self.reference}/acts/{said['act']}"
        # The page of an act that is closed to who asks has no form; the form is there for who insists.
        asked = {"insist": "true", "dossier": chance.choice(("", "0" * 64, hostile_text(chance)[:500]))}
        page = await browser.get(path, params={name: _sendable(text) for name, text in asked.items() if text})
        tokens = forms.hidden(page.text, path)
        fields = forms.act_typed(said, chance)
        if chance.random() < 0.3:
            fields.append(("step", "checked"))
        form = (
            forms.in_parts([*tokens, *fields], chance, "reason", chance.randbytes(50))
            if chance.random() < 0.03
            else forms.urlencoded([*tokens, *fields], chance)
        )
        answer = await browser.post(path, content=form.content, headers=dict(form.headers))
        told = _told(answer, "act")
        if answer.status_code == 200 and forms.is_to_be_checked(answer.text) and chance.random() < 0.7:
            checked = [*forms.hidden(answer.text, path), ("step", "checked")]
            sent = forms.urlencoded(checked, chance)
            answer = await browser.post(path, content=sent.content, headers=dict(sent.headers))
            told = _told(answer, "act, checked")
        return told

    async def _opening(self, browser: Any, chance: Random) -> str:
        good = {**self._intakes.good, "opened_by": _OPENS}
        page = await browser.get("/open")
        if chance.random() < 0.3:
            tokens = forms.hidden((await browser.get("/open/upload")).text, "/open/upload")
            form = forms.in_parts(tokens, chance, "intake", forms.intake_file(good, chance))
            begun = await browser.post("/open/upload", content=form.content, headers=dict(form.headers))
            told = _told(begun, "upload")
        else:
            form = forms.urlencoded([*forms.hidden(page.text, "/open"), ("reference", hostile_text(chance))], chance)
            begun = await browser.post("/open", content=form.content, headers=dict(form.headers))
            told = _told(begun, "open")
        draft = re.fullmatch(r"/open/([^/]+)/(\w+)", begun.headers.get("location", ""))
        if draft is None:
            return told
        try:
            return await self._draft(browser, chance, f"/open/{draft[1]}", good)
        finally:
            # A person has no more than twenty.
            page = await browser.get("/open")
            form = forms.urlencoded(forms.hidden(page.text, ""), Random(1))  # noqa: S311 - nothing is to be spoiled
            await browser.post(f"/open/{draft[1]}/drop", content=form.content, headers=dict(form.headers))

    async def _draft(self, browser: Any, chance: Random, draft: str, good: dict[str, Any]) -> str:
        typed, spoils = posted(INTAKE, good), chance.choice(_STEPS)
        told = ""
        for step in _STEPS:
            page = await browser.get(f"{draft}/{step}")
            here = page.text.partition("<main")[2]
            mine = {name: texts for name, texts in typed.items() if f'name="{name.partition(".")[0]}' in here}
            fields = forms.spoiled(mine, chance) if step == spoils else [(n, t) for n in mine for t in mine[n]]
            content = [*forms.hidden(page.text, f"{draft}/{step}"), *fields]
            form = forms.urlencoded(content, chance)
            answer = await browser.post(f"{draft}/{step}", content=form.content, headers=dict(form.headers))
            told = _told(answer, f"opening, {step}") if step == spoils else told
            if told.startswith("wrong"):
                return told
        page = await browser.get(f"{draft}/check")
        content = forms.hidden(page.text, f"{draft}/check")
        if chance.random() < 0.3:
            content += [
                ("running", _sendable(hostile_text(chance))),
                ("duplicate", chance.choice(("same", "another", "x"))),
            ]
        form = forms.urlencoded(content, chance)
        answer = await browser.post(f"{draft}/check", content=form.content, headers=dict(form.headers))
        opened = re.fullmatch(r"/cases/([^/]+)", answer.headers.get("location", ""))
        if opened and not any(name == "running" for name, _ in content):
            self.begun.add(opened[1])
        checked = _told(answer, "opening, check")
        return checked if checked.startswith("wrong") else told

    def _request(self, chance: Random) -> tuple[str, str, dict[str, Any]]:
        from urllib.parse import quote

        case, text = f"/api/cases/{self.reference}", quote(hostile_text(chance)[:2_000], errors="surrogatepass")
        way = chance.randrange(10)
        if way < 4:
            said = [{**act, "actor": _AT_THE_DESK} for act in chance.choice(self._acts.standings).said]
            raw = documents({**chance.choice(said), "act_id": f"desk-{chance.random()}"}, chance, said)
            key = {"Idempotency-Key": _header(chance)} if chance.random() < 0.2 else {}
            return "POST", f"{case}/acts", {"content": raw, "headers": key}
        if way < 6:
            given = {**self._intakes.good, "opened_by": _OPENS}
            return "POST", "/api/cases", {"content": documents(given, chance, [given])}
        if way < 8:
            names = (
                "after",
                "limit",
                "role",
                "state",
                "stage",
                "hold",
                "at",
                "first",
                "overdue",
                "q",
                "back",
                "language",
                text[:20],
            )
            path = chance.choice(
                (
                    *(
                        "/api/cases",
                        case,
                        f"{case}/ledger",
                        f"{case}/readings",
                        f"{case}/acts",
                        f"{case}/entries/{text[:300]}",
                    ),
                    *(
                        f"/api/cases/{text[:300]}",
                        f"/api/schemas/{text[:100]}",
                        "/",
                        "/find",
                        f"/cases/{self.reference}",
                        "/board",
                    ),
                    *(
                        f"/cases/{self.reference}/look-back",
                        f"/cases/{self.reference}/acts/{text[:100]}",
                        "/figures",
                        "/others",
                    ),
                )
            )
            return "GET", f"{path}?{chance.choice(names)}={text}", {}
        if way == 8:
            port = self.at.desk.rpartition(":")[2]
            name = chance.choice((f"homeward_{port}", f"homeward_{port}_draft", "x", f"homeward_{port}_begun"))
            return (
                "GET",
                chance.choice(("/", "/api/cases", "/open")),
                {"headers": {"Cookie": f"{name}={_header(chance)}"}},
            )
        names = (
            "Accept-Language",
            "Content-Type",
            "X-CSRF-Token",
            "Homeward-Reason",
            "Authorization",
            "If-None-Match",
            "Host",
        )
        more = {"headers": {chance.choice(names): _header(chance)}}
        return (
            "POST",
            chance.choice((f"{case}/acts", "/sign-in", f"/cases/{self.reference}/acts/note")),
            {**more, "content": b"{}"},
        )

    async def _failed_tasks(self, run: Any) -> AsyncGenerator[str]:
        from temporalio.api.enums.v1 import EventType, TimeoutType, WorkflowTaskFailedCause

        async for event in self._client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history_events():
            why = event.workflow_task_failed_event_attributes
            # A message came while the run ended: the engine asks again, and nothing was at fault.
            harmless = why.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
            if event.workflow_task_timed_out_event_attributes.timeout_type == TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE:
                yield "a task took longer than the engine waits"
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED and not harmless:
                yield f"{WorkflowTaskFailedCause.Name(why.cause)} {why.failure.message[:200]}".strip()

    async def _traced(self) -> bool:
        """Whether the house traces at all: else no header was looked at."""
        from temporalio.common import RawValue

        headers.send(headers.GOOD)
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._handle().query("case", result_type=RawValue), _PATIENCE)
        for _ in range(_TOLD_WITHIN):
            if _TRACED in self.at.traces.read_bytes():
                return True
            await asyncio.sleep(1)
        return False

    async def _afterwards(self) -> Answered:
        """No task of any case failed, the case that was sent to takes a good act, and the logs know of no error of ours."""
        after = Answered("afterwards")
        runs = [run async for run in self._client.list_workflows()]
        failed = [f"{run.id!r}: {why}" for run in runs async for why in self._failed_tasks(run)]
        if failed:
            after.add(f"{len(failed)} workflow tasks failed: {failed[0]}", wrong=True)
        else:
            after.add(f"no workflow task failed in {len(runs)} runs")
        begun = self.begun | {self.cases.plain, self.cases.signed}
        if unseen := begun - {run.id for run in runs}:
            after.add(f"{len(unseen)} of {len(begun)} processes that were begun were not looked at", wrong=True)
        for what, reference in (("", self.cases.plain), (" of signed acts", self.cases.signed)):
            heard = await asyncio.to_thread(good_act_heard, self.at, reference)
            after.add(f"in the case{what}: {heard}", wrong=heard not in HEARD)
        traced = await self._traced()
        after.add(
            "the house traced" if traced else "the house told no trace of a question that came with one",
            wrong=not traced,
        )
        said = SAYS_A_TRACEBACK.search(log := self.at.log())
        if said:
            lines = log[said.start() :].splitlines()
            after.add(f"the log: {' | '.join(lines[:1] + lines[-1:])[:300]}", wrong=True)
        else:
            after.add("the logs hold no traceback")
        return after


def good_act_heard(at: House, reference: str) -> str:
    """What becomes of a good act in a case, in few words: one of :data:`HEARD`, or what is wrong."""
    note = {"act": "note", "act_id": f"good-{secrets.token_hex(4)}", "actor": _CASEWORKER, "text": "an invented note"}
    try:
        receipt = at.receipt(reference, note)
        if receipt["result"] == "refused" and at.is_closed(reference):
            # Some of what was sent may have ended it. So another one is asked.
            other = at.opened(**of_an_invented_child())
            return "it is closed, and another takes one" if at.receipt(other, note)["result"] == "accepted" else "no"
    except (RuntimeError, ValueError, KeyError, subprocess.TimeoutExpired) as error:
        return f"a good act is not heard: {type(error).__name__}"
    return f"a good act is {receipt['result']}"


HEARD: Final = ("a good act is accepted", "it is closed, and another takes one")


def with_fields_read(forms: Answered) -> Answered:
    """The same; wrong where most of the forms were kept out, for then nobody read their fields."""
    read = sum(times for answer, times in forms.answers.items() if answer.startswith(_READ))
    if 2 * read < forms.inputs:
        forms.wrong.append(f"of {forms.inputs:,} forms the fields of {read:,} were read")
    return forms


def _told(answer: Any, what: str) -> str:
    """Of a form's answer its status, where it leads, and what it was; begins with "wrong" for none of the contract."""
    status, to = answer.status_code, answer.headers.get("location", "")
    if status not in _ANSWERS | _MORE_ANSWERS:
        return f"wrong: {status} to {what} at {answer.url.path[:80]!r}"
    if to.startswith("/sign-in"):
        return f"kept out: {what}"
    if status in (403, 409):
        title = re.search(r"<title>([^<]*)", answer.text)
        return f"{status} {what}: {title[1].strip().partition(':')[0][:40] if title else 'no page'}"
    return f"{status} {what}"


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def refusal_of(name: str, arguments: Sequence[Any]) -> str | None:
    """As what a query is refused, by the function that reads it in the case; None where it is to be answered."""
    from temporalio.exceptions import ApplicationError

    from workflows.return_case import first_wanted

    try:
        if name == "ledger":
            first_wanted(arguments)
    except ApplicationError as refused:
        return str(refused.type)
    return None


def judged_start(name: str, how: str, ending: str) -> bool:
    """Whether it is wrong how a process that is no case ended, or goes on, that a stranger began in a way.

    Only a sweep is anybody's to begin, and only well.
    """
    if how == "spoiled" and name == "SweepArchive":
        return False  # by chance it may still be good
    return (ending == "MalformedStart") == (how == "good" and name == "SweepArchive")


def judged_query(name: str, refused: str | None, said: str) -> tuple[str, bool]:
    """What is told of a query's answer, and whether it is wrong: it fails where the contract refuses it, nowhere else."""
    if refused is None:
        return (said, False) if said == "an answer" else (f"{name}: {said}, and is in order", True)
    if said == "an answer":
        return f"{name}: {said}, and is {refused}", True
    return refused, refused not in _NO_ENTRY


def _header(chance: Random) -> str:
    """A text that a client can send in a header at all."""
    text = chance.choice(
        (hostile_text(chance), chance.randbytes(20).decode("latin-1"), "x" * 9_000, "a.b.c", "e30.e30.", "🔑")
    )
    sent = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text)
    return sent.strip()[:9_000]


async def _signed_in(client: Any, person: str, case: str) -> str:
    """Sign in at the desk as an invented person, a child or a relative with that case; the session's token."""

    def hidden(page: str) -> dict[str, str]:
        form = page.partition("<main")[2].rpartition("<form")[2]
        fields = (part.partition(">")[0] for part in form.split('<input type="hidden" ')[1:])
        return dict(each.removeprefix('name="').rstrip('"').split('" value="') for each in fields)

    form = hidden((await client.get("/sign-in", params={"back": "/"})).text)
    answer = await client.post("/sign-in", data={**form, "person": person, "case": case})
    if answer.status_code != 303:
        raise RuntimeError(f"nobody could sign in: {answer.status_code}")
    token = re.search(r'name="csrf" value="([^"]+)"', (await client.get("/")).text)
    if token is None:
        raise RuntimeError("the desk's first page has no token")
    return token[1]


def _in_processes(at: House, reference: str, seed: int, count: int, dossier: bytes) -> Answered:
    """A sample of commands as people run them: a process each."""
    from hostile.dossiers import Dossiers
    from hostile.files import DelaysFiles, Profiles, Scenarios, Scripts, in_file

    answered = Answered("processes")
    kinds: Sequence[tuple[Any, str, tuple[str, ...], tuple[int, ...]]] = (
        (Intakes(), ".json", ("open",), (0, 2, 3)),
        (Scripts(some_acts()), ".json", ("record", reference), (0, 2, 3)),
        (Profiles(), ".toml", ("agreements", "check"), (0, 2, 3)),
        (DelaysFiles(), ".toml", ("foresee", "model", "--cases", "3", "--delays"), (0, 2)),
        (Scenarios(), ".yaml", ("rehearse",), (0, 1, 2, 3)),
        (Dossiers([dossier]), ".zip", ("verify",), (0, 2, 4)),
    )
    for number in range(count):
        kind, ending, argv, allowed = kinds[number % len(kinds)]
        given = kind.make(chance_of(seed, "processes", number))
        with in_file(given.raw, ending) as name:
            done = command(*argv, name, env={"TEMPORAL_ADDRESS": at.engine, "HOMEWARD_DATA": str(at.data)})
        wrong = done.returncode not in allowed or "Traceback" in done.stderr or "unforeseen" in done.stderr
        answered.add(
            f"{argv[0]}: exit {done.returncode}" + (f": {done.stderr[:120]} ({number})" if wrong else ""), wrong=wrong
        )
    return answered
