"""The sign-in file: what it may say, and every fault by its field."""

from pathlib import Path

import pytest

from desk.issuers import SignInFault, claim, people_of, read_sign_in_file, system_of
from procedure.acts import Actor

RIGHT = """
[session]
idle_minutes = 20
life_hours = 8

[issuer.md]
name = "Moldova, invented"
url = "https://login.md.example"
client_id = "homeward-desk"
client_secret_file = "secret"
states = ["MD"]
roles = ["central_authority", "caseworker"]
role_names = { "return-ca" = "central_authority", "return-cw" = "caseworker" }
claims = { person = "employee_id", role = "realm_access.roles", office = "https://md.example/office" }
audience = "https://desk.example.org/api"
command_line_client = "homeward-cli"

[issuer.md.systems.figures]
name = "Invented figures"
role = "caseworker"
state = "MD"

[issuer.ngo]
name = "An NGO, invented"
url = "https://login.ngo.example"
client_id = "homeward"
states = ["MD", "UA"]
roles = ["guardian", "monitor"]
claims = { state = "country" }

[issuer.home]
name = "A home for children, invented"
url = "https://login.home.example"
client_id = "homeward"
states = ["MD"]
roles = ["child", "relative", "guardian"]
claims = { cases = "homeward.cases" }
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "sign-in.toml"
    path.write_text(text, "utf-8")
    return path


def faults_in(folder: Path, text: str) -> dict[str, str]:
    """The faults of a file, by field."""
    with pytest.raises(SignInFault) as raised:
        read_sign_in_file(written(folder, text))
    return {fault["path"]: fault["message"] for fault in raised.value.faults}


def test_a_right_file_is_read(tmp_path: Path) -> None:
    """Each issuer with its short name, and how long sessions last."""
    file = read_sign_in_file(written(tmp_path, RIGHT))
    assert {key: issuer.key for key, issuer in file.issuer.items()} == {
        "md": "md",
        "ngo": "ngo",
        "home": "home",
    }
    assert (file.session.idle.total_seconds(), file.session.life.total_seconds()) == (1200, 28800)
    assert file.of_url("https://login.ngo.example") is file.issuer["ngo"]
    assert file.of_url("https://login.example") is None


def test_the_example_of_the_operators_guide_is_right(tmp_path: Path) -> None:
    """Two states and an NGO; whoever copies it begins with a file that is read."""
    guide = (Path(__file__).parents[2] / "docs" / "for-operators.md").read_text("utf-8")
    example = guide.partition("## Sign-in")[2].partition("```toml\n")[2].partition("```")[0]
    file = read_sign_in_file(written(tmp_path, example))
    assert {key: issuer.states for key, issuer in file.issuer.items()} == {
        "md": ("MD",),
        "ua": ("UA",),
        "ngo": ("MD", "UA"),
    }
    assert "central_authority" not in file.issuer["ngo"].roles


@pytest.mark.parametrize(
    ("right", "wrong", "field"),
    [
        ('url = "https://login.md.example"', 'url = "http://login.md.example"', "issuer.md.url"),
        ('url = "https://login.md.example"', 'url = "https://login.ngo.example"', "issuer.ngo.url"),
        ('client_id = "homeward-desk"', "", "issuer.md.client_id"),
        ('client_id = "homeward-desk"', 'client_id = "homeward-desk"\nclient_secret = "s"', "issuer.md.client_secret"),
        (
            'client_secret_file = "secret"',
            'client_secret_file = "s"\nclient_secret_env = "S"',
            "issuer.md.client_secret_env",
        ),
        ('states = ["MD"]', 'states = ["Moldova"]', "issuer.md.states.0"),
        ('states = ["MD"]', 'states = ["MD", "UA"]', "issuer.md.claims.state"),
        ('roles = ["guardian", "monitor"]', 'roles = ["guardian", "judge"]', "issuer.ngo.roles.1"),
        ('roles = ["guardian", "monitor"]', 'roles = ["system"]', "issuer.ngo.roles"),
        ('"return-cw" = "caseworker"', '"return-cw" = "guardian"', "issuer.md.role_names.return-cw"),
        ('audience = "https://desk.example.org/api"', 'audience = "homeward-cli"', "issuer.md.audience"),
        ('audience = "https://desk.example.org/api"', "", "issuer.md.audience"),
        ("systems.figures]", "systems.homeward-desk]", "issuer.md.systems.homeward-desk"),
        ('role = "caseworker"\nstate', 'role = "court"\nstate', "issuer.md.systems.figures.role"),
        ('state = "MD"\n', 'state = "UA"\n', "issuer.md.systems.figures.state"),
        ("[issuer.ngo]", "[issuer.NGO]", "issuer.NGO"),
        ('claims = { cases = "homeward.cases" }', "", "issuer.home.claims.cases"),
        (
            'roles = ["central_authority", "caseworker"]',
            'roles = ["central_authority", "relative"]',
            "issuer.md.claims.cases",
        ),
        ("idle_minutes = 20", "idle_minutes = 0", "session.idle_minutes"),
        ("[session]", "[sessions]", "sessions"),
        ("[issuer.ngo]", "[issuer.ngo", "$"),
    ],
)
def test_a_fault_is_named_by_its_field(tmp_path: Path, right: str, wrong: str, field: str) -> None:
    """And no value is repeated: one of them might be a secret that stands in the wrong place."""
    assert right in RIGHT
    found = faults_in(tmp_path, RIGHT.replace(right, wrong, 1))
    assert field in found
    assert "login.md" not in str(found) and '"s"' not in str(found)


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    """As a whole."""
    with pytest.raises(SignInFault) as raised:
        read_sign_in_file(tmp_path / "nowhere.toml")
    assert raised.value.faults[0]["path"] == "$"


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_secret_that_is_not_there_is_a_fault(tmp_path: Path, content: str | None) -> None:
    """An empty one would be sent as if it were one."""
    file = read_sign_in_file(written(tmp_path, RIGHT.replace('"secret"', f'"{tmp_path / "secret"}"')))
    if content is not None:
        (tmp_path / "secret").write_text(content)
    with pytest.raises(SignInFault) as raised:
        file.issuer["md"].secret()
    assert raised.value.faults[0]["path"] == "issuer.md.client_secret_file"
    (tmp_path / "secret").write_text("an invented secret\n")
    assert file.issuer["md"].secret() == "an invented secret"
    assert file.issuer["ngo"].secret() is None


def test_a_secret_of_the_environment_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or missed."""
    file = read_sign_in_file(
        written(tmp_path, RIGHT.replace('client_secret_file = "secret"', 'client_secret_env = "INVENTED"'))
    )
    with pytest.raises(SignInFault):
        file.issuer["md"].secret()
    monkeypatch.setenv("INVENTED", "an invented secret")
    assert file.issuer["md"].secret() == "an invented secret"


def test_claims_are_read_as_the_file_says(tmp_path: Path) -> None:
    """Names of roles, a path into an object, and a claim whose name holds dots."""
    file = read_sign_in_file(written(tmp_path, RIGHT))
    claims = {
        "sub": "s-1",
        "employee_id": "e-77",
        "name": "Ana\n Invented",
        "realm_access": {"roles": ["return-cw", "return-ca", "caseworker", 7]},
        "https://md.example/office": "Invented Service",
    }
    found = people_of(file.issuer["md"], claims)
    assert [(each.id, each.name, each.role, each.state, each.office) for each in found] == [
        ("md:e-77", "Ana Invented", "central_authority", "MD", "Invented Service"),
        ("md:e-77", "Ana Invented", "caseworker", "MD", "Invented Service"),
    ]
    ngo = people_of(file.issuer["ngo"], {"sub": "s-1", "roles": "monitor central_authority", "country": ["UA", "RO"]})
    assert [(each.id, each.name, each.role, each.state) for each in ngo] == [("ngo:s-1", "ngo:s-1", "monitor", "UA")]


@pytest.mark.parametrize(
    ("said", "cases"),
    [
        ("MD-UA-2026-7K3F9A", ["MD-UA-2026-7K3F9A"]),
        (["MD-UA-2026-7K3F9A", "MD-UA-2026-7K3F9B", "*", "MD-UA", 7], ["MD-UA-2026-7K3F9A", "MD-UA-2026-7K3F9B"]),
        (["*"], []),
        (None, []),
        (7, []),
    ],
)
def test_a_party_carries_the_cases_that_its_issuer_names(tmp_path: Path, said: object, cases: list[str]) -> None:
    """A child and a relative those, and nothing that is no reference; nobody else carries any."""
    home = read_sign_in_file(written(tmp_path, RIGHT)).issuer["home"]
    claims = {"sub": "s-1", "roles": ["child", "relative", "guardian"], "homeward": {"cases": said}}
    assert {each.role: each.cases for each in people_of(home, claims)} == {
        "child": frozenset(cases),
        "relative": frozenset(cases),
        "guardian": frozenset(),
    }


@pytest.mark.parametrize("subject", [None, "", " ", 7, ["s-1"]])
def test_who_is_not_named_is_nobody(tmp_path: Path, subject: object) -> None:
    """Whatever roles the claims give."""
    ngo = read_sign_in_file(written(tmp_path, RIGHT)).issuer["ngo"]
    assert people_of(ngo, {"sub": subject, "roles": ["monitor"], "country": "UA"}) == ()


@pytest.mark.parametrize("subject", ["ana@invented.example", "a" * 41, "system:figures", "~" + "0" * 32, "Ана", "a b"])
def test_no_two_ids_can_be_the_same(tmp_path: Path, subject: str) -> None:
    """An awkward subject is known by its digest, which no other subject can claim; and every id is one of an actor."""
    md = read_sign_in_file(written(tmp_path, RIGHT)).issuer["md"]
    (person, _) = people_of(md, {"employee_id": subject, "realm_access": {"roles": ["return-cw", "return-ca"]}})
    assert person.id.startswith("md:~") and person.id != f"md:{subject}" and subject not in person.id
    assert Actor.model_validate(person.as_actor()).id == person.id
    system = system_of(md, "figures")
    assert system is not None and system.id == "md:system:figures" != person.id
    assert system_of(md, "another") is system_of(md, 7) is None


def test_a_claim_that_is_not_there_is_none() -> None:
    """Along any path."""
    claims: dict[str, object] = {"a": {"b": {"c": 1}}, "a.b": 2}
    assert [claim(claims, path) for path in ("a.b", "a.b.c", "a.x", "x", "a.b.c.d")] == [2, 1, None, None, None]
