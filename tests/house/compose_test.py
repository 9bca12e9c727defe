"""docker-compose.yml against the compose specification. It is read here by the real parser; nothing is started."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.committed import ROOT
from workflows.messages import SEARCH_ATTRIBUTES

COMPOSE_FILE = ROOT / "docker-compose.yml"
SECRETS = ("POSTGRES_PASSWORD", "TEMPORAL_DB_PASSWORD", "CASELOAD_DB_PASSWORD")


def docker_compose() -> Path:
    """The program inside the distribution: its command `docker-compose` ends with 0 whatever the program says."""
    spec = importlib.util.find_spec("compose")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "docker-compose"


def parsed(file: Path, *, without: str | None = None) -> "subprocess.CompletedProcess[str]":
    """What the parser says to a file, all secrets set but one."""
    given = {name: "invented" for name in SECRETS if name != without}
    return subprocess.run(
        [docker_compose(), "--file", file, "--env-file", os.devnull, "config", "--quiet"],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **given},
        capture_output=True,
        text=True,
        check=False,
    )


def against_the_schema(file: Path) -> "subprocess.CompletedProcess[str]":
    """What the specification's schema says to a file."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """The services as they are written, merges done."""
    return yaml.safe_load(COMPOSE_FILE.read_text("utf-8"))["services"]


def test_the_parser_and_the_specification_accept_the_file() -> None:
    """The same parser that docker compose uses, and the schema of the specification."""
    by_parser, by_schema = parsed(COMPOSE_FILE), against_the_schema(COMPOSE_FILE)
    assert (0, "") == (by_parser.returncode, by_parser.stderr)
    assert by_schema.returncode == 0, by_schema.stdout


@pytest.mark.parametrize("secret", SECRETS)
def test_nothing_starts_without_each_secret(secret: str) -> None:
    """No secret has a default."""
    refused = parsed(COMPOSE_FILE, without=secret)
    assert refused.returncode != 0
    assert secret in refused.stderr


@pytest.mark.parametrize(
    ("right", "wrong", "finder"),
    [
        ("{ databases: {", "{ nobody: {", parsed),
        ("healthcheck:", "healthchek:", parsed),
        ("healthcheck:", "healthchek:", against_the_schema),
        ("condition: service_healthy", "condition: service_hale", against_the_schema),
    ],
)
def test_a_broken_file_is_found_broken(right: str, wrong: str, finder: Any, tmp_path: Path) -> None:
    """The check can fail: without this, a parser that swallows its exit code looks like a good file."""
    text = COMPOSE_FILE.read_text("utf-8")
    assert right in text
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(text.replace(right, wrong), "utf-8")
    assert finder(broken).returncode != 0


def test_ports_are_published_on_the_loopback_only(services: dict[str, dict[str, Any]]) -> None:
    """There is no sign-in yet: nobody from outside reaches the engine or its pages."""
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_the_engines_pages_are_read_only(services: dict[str, dict[str, Any]]) -> None:
    """The variable is the one that the image's configuration template reads."""
    assert services["temporal-ui"]["environment"]["TEMPORAL_DISABLE_WRITE_ACTIONS"] == "true"


def test_the_deprecated_image_is_avoided(services: dict[str, dict[str, Any]]) -> None:
    """The all-in-one image is no longer built; each image says its version."""
    images = [service["image"] for service in services.values()]
    assert [image for image in images if "auto-setup" in image or ":" not in image or image.endswith("latest")] == []


def test_every_service_has_a_health_check_or_runs_to_its_end(services: dict[str, dict[str, Any]]) -> None:
    """Others wait for a service to be healthy or, for a job, to have ended well."""
    awaited = {name: how["condition"] for each in services.values() for name, how in each.get("depends_on", {}).items()}
    for name, service in services.items():
        check = service["healthcheck"]
        if check.get("disable"):
            assert awaited[name] == "service_completed_successfully"
            assert service["restart"].startswith("on-failure")
        else:
            assert check["test"][0] in {"CMD", "CMD-SHELL"}
            assert awaited.get(name, "service_healthy") == "service_healthy"


def test_the_example_names_every_variable_and_holds_no_secret() -> None:
    """Whoever copies the example has seen all there is to set."""
    asked = subprocess.run(
        [docker_compose(), "--file", COMPOSE_FILE, "--env-file", os.devnull, "config", "--variables"],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()[1:]
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    named = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert {line.split()[0] for line in asked} == set(named)
    assert {name for name in named if "PASSWORD" in name or "SECRET" in name} == {
        name for name, value in named.items() if value == "" and ("PASSWORD" in name or "SECRET" in name)
    }


def test_the_namespace_job_makes_the_search_attributes_of_the_contract() -> None:
    """The job and the code name the same eight."""
    script = (ROOT / "compose" / "namespace.sh").read_text("utf-8")
    table = script.split("<<'ATTRIBUTES'\n")[1].split("ATTRIBUTES")[0]
    assert {key.name: key.indexed_value_type.name for key in SEARCH_ATTRIBUTES} == {
        name: kind.upper().replace("KEYWORDLIST", "KEYWORD_LIST") for kind, name in map(str.split, table.splitlines())
    }


@pytest.mark.parametrize("script", ["databases.sh", "schema.sh", "namespace.sh"])
def test_the_jobs_scripts_are_shell(script: str) -> None:
    """A shell reads each without executing it."""
    read = subprocess.run(["sh", "-n", ROOT / "compose" / script], capture_output=True, text=True, check=False)
    assert (0, "") == (read.returncode, read.stderr)
