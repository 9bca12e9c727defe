"""A case of signed acts on an engine, in few words. Everybody here is invented."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from procedure.acts import as_signed, parse_act
from procedure.intake import parse_intake
from sealing.signatures import SigningKey, sign
from tests.sealing.authorities import Authority
from tests.workflows.engines import Engine, Fields, Handle, intake, ledger, new_reference, record


class Signed:
    """A case whose acts are signed by an authority, and forged as a test likes."""

    def __init__(self, engine: Engine, authority: Authority) -> None:
        self.engine, self.authority = engine, authority
        self.reference = new_reference()
        self.handle: Handle = None

    async def open(self, **forged: Any) -> "Signed":
        given = intake(reference=self.reference)
        now = await self.engine.now()
        said = parse_intake(given, today=now.date()).as_signed()
        signature = self.authority.sign(said, reference=self.reference, at=now)
        self.handle = await self.engine.start({**given, "signature": signature, **forged}, self.reference)
        return self

    async def signed(self, said: Fields, *, key: SigningKey | None = None, **forged: Any) -> Fields:
        """The act with its signature; ``forged`` are other arguments for it."""
        now = await self.engine.now()
        arguments: dict[str, Any] = {"reference": self.reference, "at": now, **forged}
        return {
            **said,
            "signature": sign(as_signed(parse_act(said)), key=key or self.authority.key, **arguments),
        }

    async def hears(self, said: Fields, **forged: Any) -> Fields:
        return await record(self.handle, await self.signed(said, **forged))

    async def refuses(self, said: Fields) -> str:
        """The fault with which the case refuses an act, as its entry has it."""
        receipt = await record(self.handle, said)
        assert receipt["result"] == "refused", receipt
        assert [each["safeguard"] for each in receipt["refusals"]] == ["not-your-act"]
        assert receipt["refusals"][0]["instead"]
        entry = (await ledger(self.handle, receipt["entry"]))[0]
        assert (entry["kind"], entry["act_id"]) == ("refused", said["act_id"])
        return str(entry["facts"]["signature"]["fault"])


@asynccontextmanager
async def opened(engine: Engine, folder: Path) -> AsyncGenerator[Signed]:
    authority = Authority(folder / "authority")
    async with engine.worker(published_keys=authority.published.path):
        yield await Signed(engine, authority).open()
