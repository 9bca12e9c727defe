"""The archive keeps what it is given: once, under its digest, in a folder or an object store; and tells what was altered."""

import asyncio
import hashlib
import json
import os
import tempfile
import traceback
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import S3Store

from casefile.archive import Archive, ArchiveAltered, ArchiveUnreachable, CannotOpenRun, Kept
from casefile.runs import FORMAT, Run
from procedure.entries import hash_of_header
from sealing.composing import OpenSealing, without_keys
from sealing.faults import CannotOpen, KeyDestroyed
from starter.sealed import own_keys
from tests.procedure.courses import Course

REFERENCE = "MD-UA-2026-7K3F9A"
OTHER = "MD-UA-2026-000000"
ENTRY = Course().entries[0].as_json()
SECRETS = {"AWS_ACCESS_KEY_ID": "INVENTEDKEYID7", "AWS_SECRET_ACCESS_KEY": "invented-secret-7"}


def run(run_id: str = "run-1", *, reference: str = REFERENCE, words: str = "Invented.") -> Run:
    """An ended run as it is kept."""
    events = [
        {
            "eventId": "1",
            "eventTime": "2026-02-02T09:00:00Z",
            "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
            "workflowExecutionStartedEventAttributes": {"identity": words},
        },
    ]
    return Run(reference, run_id, [ENTRY], {"events": events})


@dataclass
class Place:
    """An archive's place, and a way to do to it what somebody does who goes around the archive."""

    where: str
    write: Callable[[str, bytes], None]
    objects: Callable[[], dict[str, bytes]]

    @property
    def archive(self) -> Archive:
        return Archive(self.where, seal=None)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A server that speaks S3, on the loopback: its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def as_s3(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """The environment that leads to an object store."""
    given = {**SECRETS, "AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "eu-central-1"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An empty archive of either kind."""
    if request.param == "folder":
        folder = tmp_path / "archive"
        Archive(folder, seal=None, make=True)

        def write(path: str, raw: bytes) -> None:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(raw)

        return Place(
            str(folder),
            write,
            lambda: {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()},
        )
    as_s3(monkeypatch, request.getfixturevalue("s3"))
    bucket = f"records-{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]}"
    make_bucket(bucket)
    store: Any = S3Store(bucket, prefix="homeward")
    api: Any = obstore
    return Place(
        f"s3://{bucket}/homeward",
        lambda path, raw: api.put(store, path, raw),
        lambda: {
            each["path"]: bytes(api.get(store, each["path"]).bytes()) for page in api.list(store) for each in page
        },
    )


def make_bucket(name: str) -> None:
    boto3: Any = __import__("boto3")
    boto3.client("s3").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": os.environ["AWS_REGION"]}
    )


# Kept


async def test_a_run_is_kept_once_under_its_digest(place: Place) -> None:
    """Found again by its case and its id, byte for byte; a second keep changes nothing."""
    given = run()
    kept = await place.archive.keep(given)
    assert kept == Kept(REFERENCE, "run-1", hashlib.sha256(given.as_bytes).hexdigest(), len(given.as_bytes))
    assert place.objects() == {f"{REFERENCE}/run-1/{kept.digest}.json": given.as_bytes}
    assert await place.archive.runs(REFERENCE) == [kept]
    assert await place.archive.keep(run()) == kept
    assert place.objects() == {kept.path: given.as_bytes}
    again = await place.archive.read(kept)
    assert (again.reference, again.run_id, again.ledger) == (REFERENCE, "run-1", [ENTRY])
    assert again.as_bytes == given.as_bytes


async def test_nothing_is_ever_written_over(place: Place) -> None:
    """Not what lies under the same name with other content, and not the same run that says something else."""
    kept = await place.archive.keep(run())
    place.write(kept.path, b"what somebody put there")
    with pytest.raises(ArchiveAltered, match="was altered after it was kept"):
        await place.archive.keep(run())
    assert place.objects()[kept.path] == b"what somebody put there"
    other = await place.archive.keep(run(words="Otherwise."))
    assert other.digest != kept.digest
    assert set(place.objects()) == {kept.path, other.path}


async def test_the_cases_and_the_runs_of_each_are_listed(place: Place) -> None:
    """A case's own runs and no other's; what is no object of ours is passed over."""
    assert await place.archive.references() == []
    assert await place.archive.runs(REFERENCE) == []
    kept = [await place.archive.keep(run(name)) for name in ("run-1", "run-2")]
    other = await place.archive.keep(run(reference=OTHER))
    place.write(f"{REFERENCE}/run-1/notes.txt", b"not ours")
    place.write(f"{REFERENCE}/loose.json", b"not ours")
    assert sorted(await place.archive.runs(REFERENCE), key=lambda each: each.run_id) == kept
    assert await place.archive.runs(OTHER) == [other]
    assert await place.archive.references() == [OTHER, REFERENCE]


async def test_a_case_whose_name_is_a_path_has_nothing_kept(place: Place) -> None:
    """A reference leads nowhere but into its own part of the archive."""
    await place.archive.keep(run())
    for given in ("..", "../archive", f"{REFERENCE}/run-1", "", "*", REFERENCE.lower()):
        assert await place.archive.runs(given) == []


# Altered


async def test_an_altered_object_is_told(place: Place) -> None:
    """One letter, or half of it cut off: it is not what its name says."""
    given = run()
    kept = await place.archive.keep(given)
    for raw in (given.as_bytes.replace(b"Invented", b"Inventad"), given.as_bytes[: len(given.as_bytes) // 2], b""):
        place.write(kept.path, raw)
        with pytest.raises(ArchiveAltered, match="run-1 is not what its name says: it was altered"):
            await place.archive.read(kept)


async def test_an_object_under_anothers_name_is_told(place: Place) -> None:
    """Another run's object with a name that fits its content: it says itself whose it is."""
    for alien in (run("run-9"), run(reference=OTHER)):
        kept = Kept(REFERENCE, "run-1", alien.digest, len(alien.as_bytes))
        place.write(kept.path, alien.as_bytes)
        with pytest.raises(ArchiveAltered, match=rf"holds another run, {alien.run_id} of case {alien.reference}"):
            await place.archive.read(kept)


@pytest.mark.parametrize(
    ("raw", "because"),
    [
        (b"no JSON", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "it is not a JSON object"),
        (json.dumps({"format": "homeward.run/9"}).encode(), "its format is 'homeward.run/9'"),
        (json.dumps({"format": FORMAT, "reference": REFERENCE}).encode(), "whose run it is"),
        (
            json.dumps(
                {"format": FORMAT, "reference": REFERENCE, "run": "run-1", "ledger": ["no entry"], "history": {}}
            ).encode(),
            "its entries are no entries",
        ),
        (
            json.dumps(
                {"format": FORMAT, "reference": REFERENCE, "run": "run-1", "ledger": None, "history": {}}
            ).encode(),
            "it has no events",
        ),
    ],
)
async def test_what_is_no_run_under_a_name_that_fits_is_told(place: Place, raw: bytes, because: str) -> None:
    """The sentence says what it lacks."""
    kept = Kept(REFERENCE, "run-1", hashlib.sha256(raw).hexdigest(), len(raw))
    place.write(kept.path, raw)
    with pytest.raises(ArchiveAltered, match=f"is no kept run: .*{because}"):
        await place.archive.read(kept)


async def test_an_object_that_was_taken_away_is_told(place: Place) -> None:
    """Listed a moment ago and gone now: that is no run without content."""
    with pytest.raises(ArchiveUnreachable):
        await place.archive.read(Kept(REFERENCE, "run-1", "0" * 64, 1))


# The folder


def test_a_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    """What lies in it is a child's whole case."""
    folder = tmp_path / "deep" / "archive"
    Archive(folder, seal=None, make=True)
    assert folder.stat().st_mode & 0o777 == 0o700
    Archive(folder, seal=None, make=True)


async def test_a_folder_may_be_named_by_a_url(tmp_path: Path) -> None:
    """With letters written as URLs write them."""
    folder = tmp_path / "an archive"
    kept = await Archive(f"file://{tmp_path}/an%20archive", seal=None, make=True).keep(run())
    assert (folder / kept.path).is_file()
    assert await Archive(folder, seal=None).runs(REFERENCE) == [kept]


@pytest.mark.parametrize("make", [False, True])
def test_a_file_is_no_archive(tmp_path: Path, *, make: bool) -> None:
    """Nor is what lies behind one."""
    file = tmp_path / "file"
    file.write_text("not a folder")
    for where in (file, file / "archive"):
        with pytest.raises(ArchiveUnreachable, match="folder cannot be used"):
            Archive(where, seal=None, make=make)
    assert file.read_text() == "not a folder"


def test_a_folder_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    """Whoever reads makes none: a slip of the pen would look like an empty archive."""
    with pytest.raises(ArchiveUnreachable, match="No such file or directory"):
        Archive(tmp_path / "nowhere", seal=None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["s4://records", "http://127.0.0.1/records", "https://host/x"])
def test_an_address_of_an_unknown_kind_makes_no_folder_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Misspelt, it is told."""
    monkeypatch.chdir(tmp_path)
    for make in (False, True):
        with pytest.raises(ArchiveUnreachable, match="begins with none of s3"):
            Archive(where, seal=None, make=make)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["s3://", "s3://not a bucket"])
def test_an_address_that_cannot_be_one_is_told(where: str) -> None:
    """Without its text: there may be a password in it."""
    with pytest.raises(ArchiveUnreachable, match="address cannot be used") as told:
        Archive(where, seal=None)
    assert where not in str(told.value)


@contextmanager
def as_somebody_else() -> Generator[None]:
    """Who runs the tests, but not as root, for whom every folder is open."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def anywhere() -> Iterator[Path]:
    """A folder outside of pytest's own, which is closed to anybody else."""
    with tempfile.TemporaryDirectory(prefix="homeward-archive-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for each in (folder, *folder.rglob("*")):
            each.chmod(0o700)


async def test_a_folder_that_may_not_be_read_or_written_is_told(anywhere: Path) -> None:
    """Nothing of its path is in the sentence."""
    kept = await Archive(anywhere / "sealed", seal=None, make=True).keep(run())
    Archive(anywhere / "locked", seal=None, make=True)
    closed(anywhere / "sealed", anywhere / "sealed" / kept.path, anywhere / "locked")
    told: list[str] = []
    with as_somebody_else():
        sealed = Archive(anywhere / "sealed", seal=None)
        for ask in (
            lambda: sealed.keep(run("run-2")),
            lambda: sealed.read(kept),
            lambda: Archive(anywhere / "locked", seal=None).runs(REFERENCE),
            lambda: Archive(anywhere / "locked", seal=None).references(),
        ):
            with pytest.raises(ArchiveUnreachable) as refused:
                await ask()
            told.append(str(refused.value))
        with pytest.raises(ArchiveUnreachable, match="Permission denied"):
            Archive(anywhere / "sealed" / "new", seal=None, make=True)
    assert all(sentence.startswith("The archive") and str(anywhere) not in sentence for sentence in told), told


def closed(sealed: Path, file: Path, locked: Path) -> None:
    """A folder that may only be read, a file in it that may not, and a folder that nobody may look into."""
    for each in (sealed, *sealed.rglob("*")):
        each.chmod(0o555)
    file.chmod(0)
    locked.chmod(0)


# Sealed


@pytest.fixture
async def sealing(tmp_path: Path) -> AsyncIterator[OpenSealing]:
    """Keys."""
    async with own_keys(tmp_path / "data") as opened:
        yield opened


async def test_a_sealed_run_shows_the_headers_of_its_entries_and_nothing_more(
    place: Place, sealing: OpenSealing
) -> None:
    """Kept twice it is one object; opened it is the run, byte for byte; its headers still chain without a key."""
    archive = Archive(place.where, seal=sealing.seal)
    kept = await archive.keep(run(words="Zlatkaprobe."))
    assert await archive.keep(run(words="Zlatkaprobe.")) == kept
    ((path, raw),) = place.objects().items()
    told = json.loads(raw)

    assert (path, hashlib.sha256(raw).hexdigest()) == (kept.path, kept.digest)
    assert b"Zlatkaprobe" not in raw and ENTRY["salt"].encode() not in raw
    assert {"format", "reference", "run", "entries", "sealed"} == set(told)
    (header,) = told["entries"]
    assert set(ENTRY) - {"salt", "body"} == set(header)
    assert ENTRY["hash"] == hash_of_header({name: value for name, value in header.items() if name != "hash"})
    assert (await archive.read(kept)).as_bytes == run(words="Zlatkaprobe.").as_bytes


async def test_a_sealed_run_opens_for_nobody_without_its_key(place: Place, sealing: OpenSealing) -> None:
    """Without keys, and when the key is destroyed; whether it is whole can be told all the same."""
    archive = Archive(place.where, seal=sealing.seal)
    kept = await archive.keep(run())
    with pytest.raises(CannotOpenRun, match="run-1"):
        await Archive(place.where, seal=None).read(kept)
    with pytest.raises(CannotOpen, match="Ask the office"):
        await Archive(place.where, seal=without_keys("Ask the office.").seal).read(kept)
    await sealing.keyring.destroy(REFERENCE)
    with pytest.raises(KeyDestroyed, match=REFERENCE):
        await archive.read(kept)
    assert await Archive(place.where, seal=None).is_whole(kept)
    place.write(kept.path, b"{}")
    assert not await archive.is_whole(kept)


async def test_a_run_from_before_stays_readable_beside_sealed_ones(place: Place, sealing: OpenSealing) -> None:
    """What was kept in clear is read as it is, and never written over."""
    before = await place.archive.keep(run())
    archive = Archive(place.where, seal=sealing.seal)
    after = await archive.keep(run("run-2"))
    assert (await archive.read(before)).as_bytes == run().as_bytes
    assert {before.path: run().as_bytes}.items() <= place.objects().items()
    assert {"run-1", "run-2"} == {each.run_id for each in await archive.runs(REFERENCE)}
    assert await archive.is_whole(before) and await archive.is_whole(after)


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"entries": []}, "shows other entries than it holds"),
        ({"reference": OTHER}, "holds another run"),
        ({"run": "run-2"}, "holds another run"),
        ({"sealed": 7}, "not as a run is"),
        ({"entries": {}}, "not as a run is"),
    ],
)
async def test_a_sealed_run_that_was_put_together_by_hand_is_told(
    place: Place, sealing: OpenSealing, change: dict[str, Any], because: str
) -> None:
    """Under a name that fits; what is sealed cannot be changed without the key."""
    archive = Archive(place.where, seal=sealing.seal)
    await archive.keep(run())
    ((_, raw),) = place.objects().items()
    forged = json.dumps({**json.loads(raw), **change}).encode()
    kept = Kept(REFERENCE, "run-1", hashlib.sha256(forged).hexdigest(), len(forged))
    place.write(kept.path, forged)
    with pytest.raises(ArchiveAltered, match=because):
        await archive.read(kept)


# The object store


@pytest.fixture
def away(s3: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Archive]:
    """Archives in object stores that cannot be had, each for its own reason."""
    as_s3(monkeypatch, s3)
    nowhere = Archive("s3://no-such-bucket/homeward", seal=None)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    return {"no bucket": nowhere, "no server": Archive("s3://records/homeward", seal=None)}


@pytest.mark.parametrize("why", ["no bucket", "no server"])
async def test_an_object_store_that_cannot_be_had_is_told_without_its_credentials(
    away: dict[str, Archive], why: str
) -> None:
    """Whatever is asked of it, in a sentence; not in a traceback either is a key or an address."""
    archive = away[why]
    kept = Kept(REFERENCE, "run-1", "0" * 64, 1)
    for told in await asyncio.gather(
        archive.keep(run()),
        archive.runs(REFERENCE),
        archive.references(),
        archive.read(kept),
        return_exceptions=True,
    ):
        assert isinstance(told, ArchiveUnreachable)
        assert str(told).startswith("The archive cannot be reached or used (")
        shown = "".join(traceback.format_exception(told))
        for word in (*SECRETS.values(), "127.0.0.1", "no-such-bucket"):
            assert word not in shown
