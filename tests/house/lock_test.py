"""The locks: exact versions with digests, and nothing that says where they were fetched from."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.house.committed import ROOT

LOCKS = ("runtime", "build", "dev")
ADDRESS = re.compile(r"://|^\s*-|--[a-z-]*(?:index|links|host)|\bfile:|(?:^|[\s=])[/~]\S|@\s")
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^ ;\\]+)(?P<marker>[^\\]*)\\?$")
DIGEST = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")


def lock(name: str) -> str:
    """The text of one lock."""
    return (ROOT / "requirements" / f"{name}.lock").read_text("utf-8")


def pins(text: str) -> dict[str, tuple[Version, int]]:
    """What a lock pins: version and number of digests by name. Raises ValueError at a line it does not know."""
    found: dict[str, tuple[Version, int]] = {}
    name = ""
    for line in text.splitlines():
        if line.lstrip().startswith("#") or not line.strip():
            continue
        if DIGEST.match(line):
            version, digests = found[name]
            found[name] = (version, digests + 1)
        elif pin := PIN.match(line):
            name = canonicalize_name(pin["name"])
            found[name] = (Version(pin["version"]), 0)
        else:
            raise ValueError(f"neither a pin nor a digest: {line}")
    return found


def addresses(text: str) -> list[str]:
    """The lines of a lock that say where something was fetched from, comments included."""
    lines = (line for line in text.splitlines() if not DIGEST.match(line))
    return [line for line in lines if ADDRESS.search(re.sub(r"^\s*#\s+-c requirements/\w+\.lock$", "", line))]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_no_address_and_no_path(name: str) -> None:
    """A lock written in one place can be installed in any other."""
    assert addresses(lock(name)) == []


@pytest.mark.parametrize(
    "line",
    [
        f"--{'index'}-url https://example.org/simple",
        f"--{'find'}-links wheels",
        f"# uv pip compile --{'find'}-links wheels",
        "thing @ file:///somewhere/thing.whl",
        "thing @ https://example.org/thing.whl",
        "    # from https://example.org/simple",
        "# uv pip compile /somewhere/dev.in",
        "-e .",
    ],
)
def test_an_address_in_a_lock_would_be_seen(line: str) -> None:
    """The check can fail."""
    assert addresses(f"{lock('runtime')}\n{line}\n") == [line]


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_its_digests(name: str) -> None:
    """What is installed is what was looked at."""
    assert [pinned for pinned, (_, digests) in pins(lock(name)).items() if digests == 0] == []


def wanted(group: str) -> list[Requirement]:
    """What pyproject.toml asks for: its dependencies, or those of a group."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    if group == "runtime":
        return [Requirement(text) for text in project["project"]["dependencies"]]
    asked: list[Requirement] = []
    members: list[str | dict[str, str]] = project["dependency-groups"][group]
    for each in members:
        asked.extend([Requirement(each)] if isinstance(each, str) else wanted(each["include-group"]))
    return asked


@pytest.mark.parametrize("name", LOCKS)
def test_every_dependency_is_pinned_within_its_bounds(name: str) -> None:
    """A dependency that is added without `make lock` is found here."""
    pinned = pins(lock(name))
    for asked in wanted(name):
        version, _ = pinned[canonicalize_name(asked.name)]
        assert version in asked.specifier


def test_tests_run_on_the_versions_that_run_the_cases() -> None:
    """The lock of development holds the other two, pin for pin."""
    dev = pins(lock("dev"))
    for name in ("runtime", "build"):
        assert pins(lock(name)) == {each: dev[each] for each in pins(lock(name))}
