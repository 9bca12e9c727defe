"""Bad input through a whole house: to the engine as updates, signals, queries and starts, and to the desk over HTTP.

What must hold: each is answered as the contract knows it, no workflow task of any case fails, the house's logs hold no
traceback, and the case that all of it was sent to still takes a good act.
"""

import asyncio
import multiprocessing
import re
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from hostile.acts import Acts, standings
from hostile.files import Intakes
from hostile.house import SAYS_A_TRACEBACK, House, command
from hostile.judging import chance_of
from hostile.values import documents, hostile_text, hostile_value, written

_AT_ONCE: Final = 6
"""Fewer than the ten updates that the engine takes of one case at a time."""
_ENCODINGS: Final = ("json/plain",) * 12 + (
    *("binary/plain", "binary/null", "json/protobuf", "binary/protobuf", "", "x", "json/plain\x00"),
    # As the house's own seals are named, with nothing in it that opens.
    "binary/encrypted",
    "binary/sealed",
)
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


def through(at: House, reference: str, seed: int, count: int, dossier: bytes) -> list[Answered]:
    """Send so many inputs through a house, in a process of its own; what came of them, by door.

    A process of its own, because the engine's client leaves threads behind, and what is judged later is forked.
    """
    answers, told = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_send, args=(at, reference, seed, count, told))
    process.start()
    told.close()
    try:
        doors: list[Answered] = answers.recv()
    except EOFError:
        raise RuntimeError("what sends bad input to a house has died") from None
    process.join()
    return [*doors, _in_processes(at, reference, seed, max(4, count // 60), dossier)]


def _send(at: House, reference: str, seed: int, count: int, told: Any) -> None:
    told.send(asyncio.run(_Sender(at, reference, seed).all(count)))
    told.close()


class _Sender:
    def __init__(self, at: House, reference: str, seed: int) -> None:
        self.at, self.reference, self.seed = at, reference, seed
        self._acts, self._intakes = Acts(standings()), Intakes()
        self._client: Any = None
        self.begun: set[str] = set()

    async def all(self, count: int) -> list[Answered]:
        from temporalio.client import Client

        from workflows.raw import for_worker

        # A stranger's client: what it sends is in clear, as the stock tools send it, and what comes back it cannot open.
        self._client = for_worker(await Client.connect(self.at.engine))
        doors = [
            await self._many("updates", 3 * count // 10, self._update),
            await self._many("signals", 2 * count // 10, self._signal),
            await self._many("queries", count // 10, self._query),
            await self._many("starts", count // 10, self._start),
            await self._many("the API", 3 * count // 10, self._asking()),
        ]
        doors.append(await self._afterwards())
        return doors

    async def _many(
        self, door: str, count: int, send: Callable[[Random, Answered], Coroutine[Any, Any, None]]
    ) -> Answered:
        answered, turn = Answered(door), asyncio.Semaphore(_AT_ONCE)

        async def one(number: int) -> None:
            async with turn:
                try:
                    await send(chance_of(self.seed, door, number), answered)
                except Exception as error:  # noqa: BLE001 - that is what is looked for
                    answered.add(f"{type(error).__name__}: {str(error)[:80]} ({number})", wrong=True)

        await asyncio.gather(*(one(number) for number in range(count)))
        if answered.inputs != count:
            answered.wrong.append(f"{count:,} inputs were asked for, {answered.inputs:,} answers are known")
        return answered

    def _arguments(self, raw: bytes, chance: Random) -> list[Any]:
        from temporalio.api.common.v1 import Payload
        from temporalio.common import RawValue

        def payload() -> Any:
            encoding = chance.choice(_ENCODINGS)
            metadata = {"encoding": encoding.encode()} if encoding else {}
            return RawValue(Payload(metadata=metadata, data=raw))

        return [payload() for _ in range(chance.choice((1,) * 20 + (0, 2, 3)))]

    def _handle(self) -> Any:
        return self._client.get_workflow_handle(self.reference)

    async def _update(self, chance: Random, answered: Answered) -> None:
        from temporalio.client import WorkflowUpdateFailedError
        from temporalio.common import RawValue

        raw = self._acts.make(chance).raw
        try:
            await self._handle().execute_update("record", args=self._arguments(raw, chance), result_type=RawValue)
        except WorkflowUpdateFailedError as failed:
            kind = str(getattr(failed.cause, "type", type(failed.cause).__name__))
            answered.add(kind, wrong=kind not in _NO_ENTRY)
        else:
            answered.add("a receipt")

    async def _signal(self, chance: Random, answered: Answered) -> None:
        await self._handle().signal("record", args=self._arguments(self._acts.make(chance).raw, chance))
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

    def _asking(self) -> Callable[[Random, Answered], Coroutine[Any, Any, None]]:
        import httpx2

        clients = {
            person: httpx2.AsyncClient(base_url=self.at.desk, timeout=60, follow_redirects=False)
            for person in (_AT_THE_DESK["id"], _OPENS["id"])
        }
        tokens: dict[str, str] = {}
        signing = asyncio.Lock()

        async def ask(chance: Random, answered: Answered) -> None:
            async with signing:
                for person in clients.keys() - tokens.keys():
                    tokens[person] = await _signed_in(clients[person], person)
            method, path, more = self._request(chance)
            # Each speaks for themselves: as anybody else nothing would get past the door.
            person = _OPENS["id"] if path == "/api/cases" else _AT_THE_DESK["id"]
            headers = {"X-CSRF-Token": tokens[person], "Content-Type": "application/json", **more.pop("headers", {})}
            answer = await clients[person].request(method, path, headers=headers, **more)
            wrong = answer.status_code not in _ANSWERS | _MORE_ANSWERS
            if path == "/api/cases" and answer.status_code == 201:
                self.begun.add(answer.json()["reference"])
            if answer.url.path.startswith("/api/") and answer.status_code >= 400 and not wrong:
                kind = answer.headers.get("content-type", "")
                wrong = "problem+json" not in kind and answer.status_code not in (400, 431)
            answered.add(f"{answer.status_code}{f' at {method} {path[:60]!r}' if wrong else ''}", wrong=wrong)

        return ask

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
        from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause

        async for event in self._client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history_events():
            why = event.workflow_task_failed_event_attributes
            # A message came while the run ended: the engine asks again, and nothing was at fault.
            harmless = why.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED and not harmless:
                yield f"{WorkflowTaskFailedCause.Name(why.cause)} {why.failure.message[:200]}".strip()

    async def _afterwards(self) -> Answered:
        """No task of any case failed, the case that was sent to takes a good act, and the logs know of no error of ours."""
        from temporalio.common import RawValue

        after = Answered("afterwards")
        runs = [run async for run in self._client.list_workflows()]
        failed = [f"{run.id!r}: {why}" for run in runs async for why in self._failed_tasks(run)]
        if failed:
            after.add(f"{len(failed)} workflow tasks failed: {failed[0]}", wrong=True)
        else:
            after.add(f"no workflow task failed in {len(runs)} runs")
        begun = self.begun | {self.reference}
        if unseen := begun - {run.id for run in runs}:
            after.add(f"{len(unseen)} of {len(begun)} cases that were begun were not looked at", wrong=True)
        note = {
            "act": "note",
            "act_id": "afterwards",
            "actor": {"id": "m", "role": "monitor", "state": "MD"},
            "text": "x",
        }
        try:
            await asyncio.wait_for(self._handle().execute_update("record", note, result_type=RawValue), 60)
            after.add("a good act is heard")
        except Exception as error:  # noqa: BLE001
            after.add(f"a good act is not heard: {type(error).__name__}", wrong=True)
        said = SAYS_A_TRACEBACK.search(log := self.at.log())
        if said:
            lines = log[said.start() :].splitlines()
            after.add(f"the log: {' | '.join(lines[:1] + lines[-1:])[:300]}", wrong=True)
        else:
            after.add("the logs hold no traceback")
        return after


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


async def _signed_in(client: Any, person: str) -> str:
    """Sign in at the desk as an invented person; the session's token."""

    def hidden(page: str) -> dict[str, str]:
        form = page.partition("<main")[2].rpartition("<form")[2]
        fields = (part.partition(">")[0] for part in form.split('<input type="hidden" ')[1:])
        return dict(each.removeprefix('name="').rstrip('"').split('" value="') for each in fields)

    form = hidden((await client.get("/sign-in", params={"back": "/"})).text)
    answer = await client.post("/sign-in", data={**form, "person": person})
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
