"""The address for whoever watches: what it tells, whom it asks, and that it is nowhere unless it was set."""

import asyncio
import socket

import httpx2
import pytest
from starlette.testclient import TestClient

from activities import watching
from activities.settings import Settings, SettingsFault, read_settings
from activities.watching import AddressTaken, Readiness, Watch, checks_of, watched
from faults.processes import free_port


async def yes() -> bool:
    return True


async def no() -> bool:
    raise ConnectionError("somebody's address")


async def never() -> bool:
    await asyncio.sleep(60)
    return True


async def test_a_process_is_ready_when_all_its_parts_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that fails, and one that does not answer in time, count as away."""
    monkeypatch.setattr(watching, "ASKED_WITHIN", 0.05)
    assert await Readiness({"engine": yes, "keys": yes}).ready()
    parts = Readiness({"engine": yes, "caseload": no, "keys": never})
    assert await parts.parts() == {"engine": True, "caseload": False, "keys": False}
    assert not await parts.ready()


async def test_who_asks_often_asks_the_parts_no_more() -> None:
    """All who come at once share one question, and its answer is good for a few seconds."""
    now, asked = [0.0], [0]

    async def counted() -> bool:
        asked[0] += 1
        await asyncio.sleep(0)
        return True

    parts = Readiness({"engine": counted}, clock=lambda: now[0])
    await asyncio.gather(*(parts.ready() for _ in range(5)))
    assert asked == [1]
    now[0] += watching.KNOWN_FOR
    assert await parts.ready() and asked == [2]


async def test_a_process_that_stops_is_not_ready_from_that_moment_on() -> None:
    """What it knows of itself is asked each time; only what it must ask others is kept."""
    now, asked, works = [0.0], [0], asyncio.Event()

    async def counted() -> bool:
        asked[0] += 1
        return True

    process = Readiness({"engine": counted}, clock=lambda: now[0], own={"work": works.is_set})
    assert await process.parts() == {"engine": True, "work": False} and not await process.ready()
    works.set()
    assert await process.ready()
    works.clear()
    assert not await process.ready() and asked == [1]


async def test_a_process_that_stops_while_its_parts_are_asked_is_not_ready() -> None:
    """The others may think for seconds; what it knows of itself is as of the answer."""
    works = asyncio.Event()
    works.set()

    async def slow() -> bool:
        works.clear()
        return True

    assert not await Readiness({"engine": slow}, own={"work": works.is_set}).ready()


@pytest.mark.parametrize(("check", "status", "word"), [(yes, 200, "ready\n"), (no, 503, "not ready\n")])
def test_readiness_is_one_word_and_no_detail(check: watching.Check, status: int, word: str) -> None:
    """Which part is away stands in the measures, and whose address it has stands nowhere."""
    asked = TestClient(Watch(Readiness({"keys": check})).app())
    answer = asked.get("/ready")
    assert (answer.status_code, answer.text) == (status, word)
    assert asked.get("/health").text == "alive\n"
    told = asked.get("/metrics").text
    assert f'homeward_ready{{part="keys"}} {1.0 if check is yes else 0.0}' in told
    assert "somebody's address" not in told
    assert asked.get("/").status_code == 404


async def test_nobody_is_answered_unless_an_address_is_set() -> None:
    """Off by default; where it is set it answers there and stops with the process."""
    assert Settings().metrics_address is None
    async with watched(Watch(Readiness({})), Settings()):
        pass
    port = free_port()
    settings = Settings(metrics_bind=f"127.0.0.1:{port}")
    async with watched(Watch(Readiness({"engine": yes})), settings), httpx2.AsyncClient(trust_env=False) as asked:
        assert (await asked.get(f"http://127.0.0.1:{port}/ready")).status_code == 200
        assert "homeward_process{" in (await asked.get(f"http://127.0.0.1:{port}/metrics")).text
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


async def test_an_address_that_is_taken_is_told_in_a_sentence() -> None:
    """With the name of the setting."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings(metrics_bind=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(AddressTaken, match="HOMEWARD_METRICS_BIND cannot be listened on"):
            async with watched(Watch(Readiness({})), settings):
                pass


@pytest.mark.parametrize(
    "given", ["9464", ":9464", "localhost:9464", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", "x:y"]
)
def test_an_address_that_is_none_is_told(given: str) -> None:
    """An address and a port, both; no name, for a name may become another machine."""
    with pytest.raises(SettingsFault, match="HOMEWARD_METRICS_BIND must be an address and a port"):
        read_settings(metrics_bind=given)


def test_addresses_of_both_kinds_are_read() -> None:
    """IPv6 in brackets."""
    assert read_settings(metrics_bind="[::1]:9464").metrics_address == ("::1", 9464)
    assert read_settings(metrics_bind="0.0.0.0:9464").metrics_address == ("0.0.0.0", 9464)


def test_all_parts_are_asked() -> None:
    """Engine, caseload, keys: none is forgotten where a new one is named."""
    assert tuple(checks_of(None, None)) == ("engine", "caseload", "keys")  # pyright: ignore[reportArgumentType]
