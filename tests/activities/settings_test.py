"""What an operator sets, and what is said when it cannot be used."""

from pathlib import Path

import pytest

from activities.settings import SettingsFault, read_settings

WHSEC = "whsec_c2VjcmV0IHRoYXQgaXMgbG9uZyBlbm91Z2g="


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    import os

    for name in list(os.environ):
        if name.startswith("HOMEWARD_"):
            monkeypatch.delenv(name)


def test_with_nothing_set_all_is_kept_in_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Defaults: the XDG data folder, SQLite there, no mail, no webhook."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    settings = read_settings()

    assert tmp_path / "homeward" == settings.data
    assert f"sqlite+aiosqlite:///{tmp_path}/homeward/caseload.db" == str(settings.caseload)
    assert settings.smtp_host is None
    assert settings.webhook_url is None
    assert not settings.promote


def test_without_xdg_the_home_folder_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A relative XDG_DATA_HOME does not count, as its specification says."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in (None, "relative"):
        if given is None:
            monkeypatch.delenv("XDG_DATA_HOME", raising=False)
        else:
            monkeypatch.setenv("XDG_DATA_HOME", given)

        assert tmp_path / ".local" / "share" / "homeward" == read_settings().data


def test_the_environment_is_read_when_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Names begin with HOMEWARD_, an empty value counts as none, and what is given goes first."""
    monkeypatch.setenv("HOMEWARD_DATA", "~/somewhere")
    monkeypatch.setenv("HOMEWARD_SMTP_HOST", "")
    monkeypatch.setenv("HOMEWARD_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("HOME", str(tmp_path))

    assert tmp_path / "somewhere" == read_settings().data
    assert read_settings().smtp_host is None
    assert "debug" == read_settings().log_level
    assert tmp_path == read_settings(data=tmp_path, log_level=None).data


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("sqlite:////var/caseload.db", "sqlite+aiosqlite"),
        ("postgres://u:p@db/h", "postgresql+psycopg"),
        ("postgresql://u:p@db/h", "postgresql+psycopg"),
        ("postgresql+psycopg://u:p@db/h", "postgresql+psycopg"),
    ],
)
def test_a_database_is_given_the_driver_that_is_here(given: str, driver: str) -> None:
    """Addresses as operators write them become what SQLAlchemy needs."""
    assert driver == read_settings(caseload_url=given).caseload.drivername


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"caseload_url": "mysql://h/x"}, "HOMEWARD_CASELOAD_URL must begin with sqlite: or postgresql:."),
        ({"caseload_url": "caseload"}, "HOMEWARD_CASELOAD_URL must be an address such as sqlite:///FILE"),
        ({"smtp_port": "many"}, "HOMEWARD_SMTP_PORT must be a whole number."),
        ({"smtp_port": "0"}, "HOMEWARD_SMTP_PORT must be at least 1."),
        ({"cases_held": "9"}, "HOMEWARD_CASES_HELD must be at least 10."),
        ({"promote": "perhaps"}, "HOMEWARD_PROMOTE must be true or false."),
        ({"log_level": "loud"}, "HOMEWARD_LOG_LEVEL must be one of 'debug', 'info', 'warning' or 'error'."),
        ({"log_format": "xml"}, "HOMEWARD_LOG_FORMAT must be one of 'auto', 'console' or 'json'."),
        ({"smtp_sender": "Homeward <a@b.org>"}, "HOMEWARD_SMTP_SENDER must be one mail address"),
        ({"smtp_host": "mail.example.org"}, "HOMEWARD_SMTP_SENDER must be set when HOMEWARD_SMTP_HOST is."),
        ({"smtp_user": "u"}, "HOMEWARD_SMTP_USER and HOMEWARD_SMTP_PASSWORD must be set together."),
        ({"webhook_url": "https://example.org"}, "HOMEWARD_WEBHOOK_SECRET must be set when HOMEWARD_WEBHOOK_URL is"),
        ({"webhook_url": "ftp://example.org", "webhook_secret": WHSEC}, "HOMEWARD_WEBHOOK_URL must begin with https"),
        ({"webhook_secret": "whsec_"}, "HOMEWARD_WEBHOOK_SECRET must be whsec_ followed by base64"),
        ({"promote": True}, "HOMEWARD_PROMOTE needs HOMEWARD_BUILD_ID"),
        ({"build_id": "a build"}, "HOMEWARD_BUILD_ID must look like"),
        (
            {
                "smtp_host": "mail.example.org",
                "smtp_sender": "a@example.org",
                "smtp_user": "u",
                "smtp_password": "opensesame",
                "smtp_starttls": False,
            },
            "HOMEWARD_SMTP_STARTTLS must stay on",
        ),
    ],
)
def test_a_bad_value_is_told_in_one_sentence(given: dict[str, object], sentence: str) -> None:
    """The setting is named, what is wrong is said, and the value is never repeated."""
    with pytest.raises(SettingsFault) as fault:
        read_settings(**given)

    assert str(fault.value).startswith(sentence)
    assert "\n" not in str(fault.value)
    assert "opensesame" not in str(fault.value)


def test_every_bad_value_is_told_at_once() -> None:
    """One line a fault."""
    with pytest.raises(SettingsFault) as fault:
        read_settings(smtp_port=0, log_level="loud")

    assert 2 == len(str(fault.value).splitlines())


def test_secrets_are_not_shown() -> None:
    """Printing the settings tells no password, no key and no address that may hold one."""
    settings = read_settings(
        caseload_url="postgresql://u:opensesame@db/h",
        smtp_user="u",
        smtp_password="opensesame",
        webhook_url="https://example.org/opensesame",
        webhook_secret=WHSEC,
    )

    assert "opensesame" not in repr(settings)
    assert WHSEC not in repr(settings)
    assert (WHSEC,) == settings.webhook_secrets


def test_two_webhook_secrets_may_stand_together() -> None:
    """While one replaces the other, both sign."""
    assert (WHSEC, WHSEC[:-4]) == read_settings(webhook_secret=f"{WHSEC} {WHSEC[:-4]}").webhook_secrets


def test_a_password_may_go_plainly_within_the_machine() -> None:
    """On the loopback there is nobody to listen."""
    settings = read_settings(
        smtp_host="127.0.0.1", smtp_sender="a@b.org", smtp_user="u", smtp_password="p", smtp_starttls=False
    )

    assert "127.0.0.1" == settings.smtp_host


def test_a_secret_may_be_a_file_of_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is given goes before the environment, and that before the files; an empty one of either counts as none."""
    (tmp_path / "HOMEWARD_SMTP_USER").write_text("u\n")
    (tmp_path / "homeward_smtp_password").write_text("opensesame\n")
    (tmp_path / "HOMEWARD_SMTP_PORT").write_text("")
    (tmp_path / "HOMEWARD_LOG_LEVEL").write_text("debug")
    monkeypatch.setenv("HOMEWARD_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("HOMEWARD_SMTP_PASSWORD", "")
    monkeypatch.setenv("HOMEWARD_LOG_LEVEL", "error")

    settings = read_settings()

    assert settings.smtp_password is not None
    assert ("u", "opensesame", 587) == (
        settings.smtp_user,
        settings.smtp_password.get_secret_value(),
        settings.smtp_port,
    )
    assert ("error", "warning") == (settings.log_level, read_settings(log_level="warning").log_level)


def test_a_folder_of_secrets_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a folder that is not there nor a file that is no text is passed over in silence."""
    monkeypatch.setenv("HOMEWARD_SECRETS_DIR", str(tmp_path / "not-there"))
    with pytest.raises(SettingsFault, match=r"^HOMEWARD_SECRETS_DIR must be a folder that can be read\.$"):
        read_settings()
    monkeypatch.setenv("HOMEWARD_SECRETS_DIR", str(tmp_path))
    (tmp_path / "HOMEWARD_SMTP_PASSWORD").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsFault, match=r"^HOMEWARD_SMTP_PASSWORD is a file in HOMEWARD_SECRETS_DIR that cannot"):
        read_settings()


@pytest.mark.parametrize("which", ["caseload", "keys"])
def test_a_databases_password_may_stand_apart_from_its_address(which: str) -> None:
    """Then the address holds no secret; where both hold one, or there is nothing to sign in at, a sentence says so."""
    settings = read_settings(
        **{
            f"{which}_url": "postgresql://u@db/h?sslmode=verify-full&sslrootcert=ca.pem",
            f"{which}_password": "open/@sesame",
        }
    )
    url = settings.caseload if which == "caseload" else settings.keys
    assert "open/@sesame" == url.password
    assert {"sslmode": "verify-full", "sslrootcert": "ca.pem"} == dict(url.query)

    for address in ("postgresql://u:p@db/h", "sqlite:///x.db", None):
        with pytest.raises(SettingsFault, match=f"^HOMEWARD_{which.upper()}_PASSWORD ") as fault:
            read_settings(**{f"{which}_url": address, f"{which}_password": "opensesame"})
        assert "opensesame" not in str(fault.value)
