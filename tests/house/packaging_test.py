"""The wheel: built without a network, complete, and able to run from where it is unpacked."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.house.committed import ROOT, committed, where

ROOMS = ("procedure", "agreements", "casefile", "workflows", "activities", "sealing", "starter", "desk")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the working tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as an installer lays it down."""
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_wheel_holds_every_file_of_the_rooms(unpacked: Path) -> None:
    """Code, agreements, migrations and scenarios: what is committed in a room is in the wheel."""
    wanted = {where(path) for path in committed() if where(path).split("/")[0] in ROOMS} | {"worker.py"}
    assert {
        "agreements/model/profile.toml",
        "activities/migrations/script.py.mako",
        "activities/migrations/versions/0001_caseload.py",
        "procedure/safeguards/liberty.py",
        "starter/main.py",
        "workflows/messages.py",
    } <= wanted
    assert sorted(name for name in wanted if not (unpacked / name).is_file()) == []


def test_the_wheel_ships_the_scenarios(unpacked: Path) -> None:
    """The sample cases are there after an installation, for whoever tries an agreement."""
    assert list((unpacked / "starter" / "scenarios").glob("*.yaml"))


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    """No tests, no documents, no settings of a developer."""
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert tops == {*ROOMS, "worker.py", "homeward-0.1.0.dist-info"}


def test_every_room_with_code_is_packed() -> None:
    """Rooms are listed by hand; one that is forgotten is found here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    listed = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"])
    tops = {where(path).split("/")[0] for path in committed(".py")} - {
        "tests",
        "docs",
        "benches",
        "proof",
        "hostile",
        "faults",
        "tools",
    }
    assert tops | {"agreements"} == listed


def test_the_console_command_is_there_and_points_at_something(unpacked: Path) -> None:
    """`homeward` is starter.main:run."""
    declared = (unpacked / "homeward-0.1.0.dist-info" / "entry_points.txt").read_text("utf-8")
    assert "homeward = starter.main:run" in declared


def run_unpacked(unpacked: Path, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Python on the unpacked wheel, its dependencies at hand and the checkout out of sight."""
    code = f"import sys; sys.path[:] = [{str(unpacked)!r}] + [p for p in sys.path if p not in ('', {str(ROOT)!r})]; "
    return subprocess.run(
        [sys.executable, "-P", "-c", code + arguments[0], *arguments[1:]],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_finds_its_agreements_and_its_worker(unpacked: Path, tmp_path: Path) -> None:
    """What is packed is used, not the checkout it was made from."""
    told = run_unpacked(
        unpacked,
        tmp_path,
        "import worker; from activities.agreements import AgreementShelf; "
        "print(worker.__file__); print(AgreementShelf().get('model').id)",
    )
    assert [str(unpacked / "worker.py"), "model"] == told.stdout.splitlines(), told.stderr


def test_the_wheels_command_answers(unpacked: Path, tmp_path: Path) -> None:
    """The command line starts from the wheel alone and lists its commands."""
    told = run_unpacked(unpacked, tmp_path, "from starter.main import run; sys.argv[0] = 'homeward'; run()", "--help")
    assert told.returncode == 0, told.stderr
    assert "rehearse" in told.stdout


def test_the_image_gets_every_room() -> None:
    """What the Dockerfile copies is let in, and no room of the wheel is forgotten: otherwise nothing could be built."""
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    copies = [line.split()[1:-1] for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines() if "COPY " in line]
    copied = {source for sources in copies for source in sources if not source.startswith(("--from", "/"))}
    assert copied <= let_in
    assert {f"{room}/" for room in ROOMS} <= copied
