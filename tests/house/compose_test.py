"""docker-compose.yml against the compose specification. It is read here by the real parser; nothing is started."""

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from activities.settings import PREFIX, SECRETS_DIR, Settings
from tests.house.committed import ROOT
from workflows.messages import SEARCH_ATTRIBUTES

COMPOSE_FILE = ROOT / "docker-compose.yml"
NEEDED = {"DESK_NAME": "desk.example.org", "DESK_TLS": "internal"}
OURS = ("worker", "desk")
BEFORE = "worker-before"


def docker_compose() -> Path:
    """The program inside the distribution: its command `docker-compose` ends with 0 whatever the program says."""
    spec = importlib.util.find_spec("compose")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "docker-compose"


def parsed(file: Path, *, without: str | None = None) -> "subprocess.CompletedProcess[str]":
    """What the parser says to a file, all that has no default set but one."""
    given = {name: value for name, value in NEEDED.items() if name != without}
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
def file() -> dict[str, Any]:
    """The file as it is written, merges done."""
    return yaml.safe_load(COMPOSE_FILE.read_text("utf-8"))


@pytest.fixture(scope="module")
def services(file: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Its services."""
    return file["services"]


def mounts(service: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """What a service sees where: the source by its place in the container, and whether it may write there."""
    parts = [each.replace("${DESK_TLS_FOLDER:-./public}", "./public").split(":") for each in service.get("volumes", [])]
    return {where: (source, how != ["ro"]) for source, where, *how in parts}


def test_the_parser_and_the_specification_accept_the_file() -> None:
    """The same parser that docker compose uses, and the schema of the specification."""
    by_parser, by_schema = parsed(COMPOSE_FILE), against_the_schema(COMPOSE_FILE)
    assert (0, "") == (by_parser.returncode, by_parser.stderr)
    assert by_schema.returncode == 0, by_schema.stdout


@pytest.mark.parametrize("name", NEEDED)
def test_nothing_starts_without_what_only_an_operator_knows(name: str) -> None:
    """Neither the desk's name nor where its certificate comes from has a default."""
    refused = parsed(COMPOSE_FILE, without=name)
    assert refused.returncode != 0
    assert name in refused.stderr


def test_secrets_come_as_files_and_in_no_other_way(file: dict[str, Any], services: dict[str, dict[str, Any]]) -> None:
    """No environment holds one, where everybody who may ask docker reads it; and no argument does."""
    made = {f"./secrets/{name}" for name in passwords_made()}
    assert made == {secret["file"] for secret in file["secrets"].values()}
    ignored = subprocess.run(["git", "check-ignore", "--quiet", "secrets/postgres-password"], cwd=ROOT, check=False)
    assert ignored.returncode == 0
    named = re.compile(r"PASSWORD|PWD|SECRET|TOKEN", re.IGNORECASE)
    fields = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    for service in services.values():
        told = {name: value for name, value in service.get("environment", {}).items() if named.search(name)}
        assert {
            name: value
            for name, value in told.items()
            if value not in ("/run/secrets", "/run/secrets/postgres-password")
        } == {}
        assert not named.search(" ".join(map(str, [*service.get("command", []), *service.get("entrypoint", [])])))
        given: list[Any] = service.get("secrets", [])
        targets: set[str] = {each["target"] for each in given if not isinstance(each, str)}
        assert {name.removeprefix(PREFIX).lower() for name in targets} <= fields
    for name in OURS:
        assert services[name]["environment"][SECRETS_DIR] == "/run/secrets"


def passwords_made(folder: Path | None = None) -> list[str]:
    """The files that `compose/passwords.sh` makes."""
    with tempfile.TemporaryDirectory() as there:
        where_to = folder or Path(there) / "secrets"
        subprocess.run(["sh", ROOT / "compose" / "passwords.sh", where_to], check=True, capture_output=True)
        return sorted(path.name for path in where_to.iterdir())


def test_passwords_are_made_once_and_for_their_owner(tmp_path: Path) -> None:
    """Each another, letters and digits only; a second run changes nothing; nobody else enters the folder."""
    folder = tmp_path / "secrets"
    passwords_made(folder)
    before = {path.name: path.read_text() for path in folder.iterdir()}
    passwords_made(folder)
    assert before == {path.name: path.read_text() for path in folder.iterdir()}
    passwords = [text for name, text in before.items() if name.endswith("db-password") or name == "postgres-password"]
    assert [len(text) for text in passwords] == [48] * 4
    assert len(set(passwords)) == 4 and all(text.isalnum() for text in passwords)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_every_way_between_parts_is_by_tls_and_verified(services: dict[str, dict[str, Any]]) -> None:
    """To the database, to the engine, inside the engine, to the desk: each names whom it trusts and whom it expects."""
    for name in OURS:
        said = services[name]["environment"]
        for url in ("HOMEWARD_CASELOAD_URL", "HOMEWARD_KEYS_URL"):
            assert said[url].endswith("?sslmode=verify-full&sslrootcert=/trust/ca.pem")
    assert services["databases"]["environment"]["PGSSLMODE"] == "verify-full"
    assert services["schema"]["environment"]["SQL_TLS"] == "true"
    engine = services["temporal"]["environment"]
    for name in ("SQL_TLS_ENABLED", "SQL_HOST_VERIFICATION", "TEMPORAL_TLS_REQUIRE_CLIENT_AUTH"):
        assert engine[name] == "true"
    for name in (*OURS, "namespace"):
        said = services[name]["environment"]
        assert said["TEMPORAL_TLS_SERVER_NAME"] == "temporal"
        assert said["TEMPORAL_TLS_CLIENT_KEY_PATH"] == "/certificate/key.pem"
    assert services["temporal-ui"]["environment"]["TEMPORAL_TLS_ENABLE_HOST_VERIFICATION"] == "true"
    server = services["postgresql"]["command"]
    assert {"ssl=on", "hba_file=/compose/pg_hba.conf"} < set(server)
    lines = (ROOT / "compose" / "pg_hba.conf").read_text("utf-8").splitlines()
    kinds = {line.split()[0] for line in lines if line and not line.startswith("#")}
    assert kinds == {"local", "hostssl"}
    assert "insecure" not in (ROOT / "compose" / "Caddyfile").read_text("utf-8")


def test_each_part_sees_its_own_key_and_no_other(file: dict[str, Any], services: dict[str, dict[str, Any]]) -> None:
    """The authority's key is seen by the job that signs alone, which has no network."""
    certificates = {name for name in file["volumes"] if name.startswith("certificate-")}
    assert {name.removeprefix("certificate-") for name in certificates} == set(parts_with_a_certificate())
    signs = services["certificates"]
    assert signs["network_mode"] == "none"
    for name, service in services.items():
        if service is signs:
            continue
        seen = dict(mounts(service).values())
        assert "authority" not in seen
        own = {"namespace": "operator", BEFORE: "worker"}.get(name, name)
        assert {each for each in seen if each.startswith("certificate")} <= {f"certificate-{own}"}
        assert not any(writes for source, writes in seen.items() if source in {*certificates, "trust"})


def parts_with_a_certificate() -> list[str]:
    """The parts for which `compose/certificates.sh` makes one."""
    script = (ROOT / "compose" / "certificates.sh").read_text("utf-8")
    return re.findall(r"^part ([a-z-]+) ", script, re.MULTILINE)


def test_the_desk_publishes_no_keys_and_writes_no_archive(services: dict[str, dict[str, Any]]) -> None:
    """Whoever takes it over signs with its key, and cannot say of another key that it counts."""
    seen = mounts(services["desk"])
    assert [seen[where] for where in ("/archive", "/published-keys", "/signing", "/sign-in")] == [
        ("archive", False),
        ("published-keys", False),
        ("signing", False),
        ("./sign-in", False),
    ]
    assert "/signing" not in mounts(services["worker"])
    writes = [
        name for name, each in services.items() if mounts(each).get("/published-keys") == ("published-keys", True)
    ]
    assert writes == ["signing-keys"]


def test_the_keys_of_cases_and_what_wraps_them_lie_apart(services: dict[str, dict[str, Any]]) -> None:
    """Whoever copies a volume or a database has one of the two; the caseload's user does not reach the keys either."""
    for name in OURS:
        said, seen = services[name]["environment"], mounts(services[name])
        assert said["HOMEWARD_KEYS_URL"].startswith("postgresql://homeward_keys@postgresql/homeward_keys?")
        assert said["HOMEWARD_KEY_FILE"] == "/kek/kek.json" and seen["/kek"] == ("kek", name == "worker")
    assert {name for name, each in services.items() if "kek" in dict(mounts(each).values())} == {*OURS, BEFORE}
    lines = [line.split() for line in (ROOT / "compose" / "pg_hba.conf").read_text("utf-8").splitlines()]
    assert [line[1] for line in lines if line and line[2:3] == ["homeward_keys"]] == ["homeward_keys"]


def test_the_pages_backup_with_compose_names_what_there_is(
    file: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    """Its services, its volumes, and every database that is made, dumped and restored with the owner that it has."""
    page = (ROOT / "docs" / "for-operators.md").read_text("utf-8")
    section = page.split("### Backup and restore with compose\n")[1].split("\n### ")[0]
    made = re.findall(r"\('(\w+)', '(\w+)'\)", (ROOT / "compose" / "databases.sh").read_text("utf-8"))
    assert sorted(re.findall(r"^restore (\w+) (\w+)$", section, re.MULTILINE)) == sorted(made)
    assert sorted(re.findall(r"^dump (\w+)$", section, re.MULTILINE)) == sorted(name for name, _ in made)
    named = re.findall(r"^docker compose run .*--entrypoint \S+ (\S+)", section, re.MULTILINE)
    assert set(named) == {"worker", "signing-keys"} <= set(services)
    removed = re.findall(r"homeward_(\S+)", re.findall(r"^docker volume rm .*$", section, re.MULTILINE)[0])
    assert file["name"] == "homeward" and set(removed) == {"homeward", "archive", "published-keys", "kek"}
    assert set(removed) <= set(file["volumes"])
    # Where it copies to can be written there.
    for name, where in re.findall(r"--entrypoint \S+ (\S+) .*?/from/\S+ (/[a-z-]+)/", section):
        assert mounts(services[name])[where][1], where


def test_a_worker_of_the_build_before_runs_beside_the_new_one(services: dict[str, dict[str, Any]]) -> None:
    """Only when it is asked for; by its own image, which is never built from the new code; and it makes nothing current."""
    before, new = services[BEFORE], services["worker"]
    apart = ("image", "build", "profiles", "pull_policy", "environment")
    assert {name: each for name, each in before.items() if name not in apart} == {
        name: each for name, each in new.items() if name not in apart
    }
    assert before["profiles"] == ["before"] and "build" not in before and before["pull_policy"] == "never"
    assert before["image"] == "homeward:${HOMEWARD_BUILD_BEFORE:-none}" != new["image"]
    says = {**new["environment"], "HOMEWARD_BUILD_ID": "${HOMEWARD_BUILD_BEFORE:-}"}
    assert says.pop("HOMEWARD_PROMOTE") and before["environment"] == says


def test_http_3_can_be_spoken(services: dict[str, dict[str, Any]]) -> None:
    """HTTP/3 goes by UDP."""
    assert "${DESK_ADDRESS:-127.0.0.1}:443:443/udp" in services["door"]["ports"]


def test_the_desk_takes_its_doors_word_only(services: dict[str, dict[str, Any]]) -> None:
    """The address that it believes is the one that the door has."""
    command = services["desk"]["command"]
    assert command[command.index("--proxy") + 1] == services["door"]["networks"]["door"]["ipv4_address"]


@pytest.mark.parametrize(
    ("right", "wrong", "finder"),
    [
        ("{ databases: {", "{ nobody: {", parsed),
        ("smtp-password: {", "another: {", parsed),
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


def test_only_the_door_can_be_reached_from_outside(services: dict[str, dict[str, Any]]) -> None:
    """Everything else is published on the loopback or not at all; and so is the door, until its operator says where."""
    published = [(name, port) for name, service in services.items() for port in service.get("ports", [])]
    assert {name for name, port in published if not port.startswith("127.0.0.1:")} == {"door"}
    assert all(port.startswith("${DESK_ADDRESS:-127.0.0.1}:") for name, port in published if name == "door")
    assert {"postgresql", "worker", "desk"}.isdisjoint(name for name, _ in published)


def test_measures_are_told_in_a_network_of_their_own(file: dict[str, Any], services: dict[str, dict[str, Any]]) -> None:
    """It leads nowhere and nobody else is in it; by default nothing is told there."""
    assert file["networks"]["watching"] == {"internal": True}
    assert {name for name, service in services.items() if "watching" in service.get("networks", [])} == {*OURS, BEFORE}
    assert {services[name]["environment"]["HOMEWARD_METRICS_BIND"] for name in OURS} == {"${HOMEWARD_METRICS_BIND:-}"}


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
        if "profiles" in service and check.get("disable"):
            assert name not in awaited and service["restart"] == "no"
        elif check.get("disable"):
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
    assert [name for name in named if re.search("PASSWORD|SECRET|TOKEN", name)] == []
    defaults = {line.split()[0]: line.split()[2] for line in asked if len(line.split()) == 3}
    # They stand there with two, of which the parser tells either; neither is for whoever copies the example.
    for name in ("HOMEWARD_BUILD_ID", "HOMEWARD_BUILD_BEFORE"):
        defaults.pop(name, None)
    assert defaults == {name: value for name, value in named.items() if value}


def test_the_namespace_job_makes_the_search_attributes_of_the_contract() -> None:
    """The job and the code name the same eight."""
    script = (ROOT / "compose" / "namespace.sh").read_text("utf-8")
    table = script.split("<<'ATTRIBUTES'\n")[1].split("ATTRIBUTES")[0]
    assert {key.name: key.indexed_value_type.name for key in SEARCH_ATTRIBUTES} == {
        name: kind.upper().replace("KEYWORDLIST", "KEYWORD_LIST") for kind, name in map(str.split, table.splitlines())
    }


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "compose").glob("*.sh")))
def test_the_jobs_scripts_are_shell(script: str) -> None:
    """A shell reads each without executing it."""
    read = subprocess.run(["sh", "-n", ROOT / "compose" / script], capture_output=True, text=True, check=False)
    assert (0, "") == (read.returncode, read.stderr)
