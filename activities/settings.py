"""What an operator sets: read from the environment when asked, never at import.

Every name begins with ``HOMEWARD_``. An empty value counts as not set. What is not in the environment may be a file of
that name in the folder ``HOMEWARD_SECRETS_DIR``: a secret need not stand in any process's environment. Connection to
the engine is not here: the engine's own environment variables and profile file say where it is.
"""

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from procedure.faults import Fault, say

PREFIX = "HOMEWARD_"
SECRETS_DIR = f"{PREFIX}SECRETS_DIR"
_NAME_THERE = r"^[A-Za-z0-9._/-]{1,64}$"
ATTEMPTS, READS, WRITES, ACCOUNTS = 300, 600, 120, 1_200
"""How often a minute one may ask where nothing is set (:mod:`desk.rates`)."""
CASELOAD_DRIVERS = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


class SettingsFault(ValueError):
    """What is set cannot be used. The text is one sentence a fault, and never repeats a value."""

    says_nothing_personal = True

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(f"{fault['path']} {fault['message']}." for fault in faults))


def default_data_folder() -> Path:
    """``$XDG_DATA_HOME/homeward``, or ``~/.local/share/homeward``."""
    given = os.environ.get("XDG_DATA_HOME")
    base = Path(given) if given and Path(given).is_absolute() else Path.home() / ".local" / "share"
    return base / "homeward"


class _SecretFiles(SecretsSettingsSource):
    """Files named as settings. An empty one counts as not set, as in the environment."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        try:
            value, name, is_complex = super().get_field_value(field, field_name)
        except (OSError, UnicodeDecodeError):
            fault = Fault(
                path=f"{PREFIX}{field_name.upper()}", message=f"is a file in {SECRETS_DIR} that cannot be read"
            )
            raise SettingsFault([fault]) from None
        return value or None, name, is_complex


class Settings(BaseSettings):
    """Where the caseload is kept, how notices and events leave, and how the worker names itself."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        # Whoever makes settings past `read_settings` is not told an address with its password either.
        hide_input_in_errors=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given, then the environment, then the folder of secrets."""
        folder = os.environ.get(SECRETS_DIR)
        if folder and not Path(folder).expanduser().is_dir():
            raise SettingsFault([Fault(path=SECRETS_DIR, message="must be a folder that can be read")])
        return init_settings, env_settings, _SecretFiles(settings_cls, secrets_dir=folder or None)

    data: Path = Field(
        default_factory=default_data_folder,
        description="Folder for what is kept: the embedded caseload, notices, the duplicates key.",
    )
    caseload_url: str | None = Field(
        default=None,
        repr=False,
        description="Database of the caseload: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME, which may go on "
        "?sslmode=verify-full&sslrootcert=FILE. Default: caseload.db in the data folder.",
    )
    caseload_password: SecretStr | None = Field(
        default=None, description="Password for the caseload's PostgreSQL, where its address has none."
    )

    archive_url: str | None = Field(
        default=None,
        repr=False,
        description="Where ended runs of cases are kept for good: a folder, or an S3-compatible store by URL "
        "(s3://BUCKET/PREFIX; its keys and endpoint by AWS_*). Default: archive/ in the data folder.",
    )

    keys_url: str | None = Field(
        default=None,
        repr=False,
        description="Database of the keys of cases: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME, which may "
        "go on ?sslmode=verify-full&sslrootcert=FILE. Default: keys.db in the data folder.",
    )
    keys_password: SecretStr | None = Field(
        default=None, description="Password for the key store's PostgreSQL, where its address has none."
    )
    key_file: Path | None = Field(
        default=None,
        description="File of the key-encryption keys, which wrap the keys of cases. Default: keys/kek.json in the data "
        "folder.",
    )
    transit_url: str | None = Field(
        default=None,
        repr=False,
        description="OpenBao or Vault whose transit engine wraps the keys of cases, in place of the key file.",
    )
    transit_key: str = Field(
        default="homeward", pattern=_NAME_THERE, description="Name of the key in the transit engine."
    )
    transit_mount: str = Field(
        default="transit", pattern=_NAME_THERE, description="Where the transit engine is mounted."
    )
    transit_token: SecretStr | None = Field(default=None, description="Token for it; or a role and its secret.")
    transit_role_id: str | None = Field(default=None, description="Role (AppRole) for it.")
    transit_secret_id: SecretStr | None = Field(default=None, description="The role's secret.")
    transit_ca: Path | None = Field(default=None, description="File of certificates by which its own is verified.")

    smtp_host: str | None = Field(
        default=None, description="Mail server for notices. Without it they are written to notices/ in the data folder."
    )
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Port of the mail server; 465 means TLS at once.")
    smtp_user: str | None = Field(default=None, description="User name at the mail server.")
    smtp_password: SecretStr | None = Field(default=None, description="Password at the mail server.")
    smtp_starttls: bool = Field(default=True, description="Whether to demand STARTTLS (not asked on port 465).")
    smtp_sender: str | None = Field(default=None, description="Address that notices come from.")
    address_book: Path | None = Field(
        default=None,
        description='TOML file of mail addresses: "ROLE@STATE" or a person\'s id on the left, an address on the right.',
    )

    webhook_url: str | None = Field(
        default=None, repr=False, description="Where outgoing events are posted. Without it none are sent."
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        description="Secret that signs events (Standard Webhooks: whsec_ and base64). "
        "Several, with spaces between, while one replaces another.",
    )

    published_keys: Path | None = Field(
        default=None,
        description="File or folder of the keys that authorities published, by which acts are signed. "
        "Default: published-keys/ in the data folder.",
    )
    signing_key: Path | None = Field(
        default=None,
        description="File of the private key that signs acts at this desk or command line. "
        "Default: signing.key in the data folder.",
    )
    unsigned_acts: Literal["allow", "refuse"] | None = Field(
        default=None,
        description="Whether cases may be opened in which acts count unsigned. "
        "Default: on an engine of this machine; never on another.",
    )

    sign_in: Path | None = Field(
        default=None,
        description="TOML file of the issuers by which people and systems sign in at the desk, /api and the command "
        "line. Without it nobody is asked to at the command line.",
    )

    pace_attempts: int = Field(
        default=ATTEMPTS,
        ge=10,
        le=1_000_000,
        description="Sign-ins, and tokens that do not count, of one address: so many at once, and a minute after that.",
    )
    pace_reads: int = Field(default=READS, ge=10, le=1_000_000, description="Pages that one person opens, likewise.")
    pace_writes: int = Field(
        default=WRITES,
        ge=10,
        le=1_000_000,
        description="Forms that one person sends, likewise. Reports and acts of care are never refused for it.",
    )
    pace_accounts: int = Field(
        default=ACCOUNTS,
        ge=10,
        le=1_000_000,
        description="Requests that one account sends to /api with access tokens, likewise.",
    )

    metrics_bind: str | None = Field(
        default=None,
        description="Address and port at which this process answers whoever watches it (/metrics, /health, /ready), "
        "such as 127.0.0.1:9464. Without it nobody is answered.",
    )

    build_id: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Name of this build: with it runs stay on the code that they began with.",
    )
    cases_held: int = Field(
        default=1_000,
        ge=10,
        le=1_000_000,
        description="Cases that a worker holds in memory; any other it first takes up again from its history.",
    )
    promote: bool = Field(default=False, description="Whether a worker makes its build the current one at start.")

    log_format: Literal["auto", "console", "json"] = Field(
        default="auto", description="How log lines look; auto is console on a terminal and JSON otherwise."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")

    @field_validator("log_format", "log_level", "unsigned_acts", mode="before")
    @classmethod
    def _in_small_letters(cls, given: Any) -> Any:
        return given.lower() if isinstance(given, str) else given

    @field_validator(
        "data", "address_book", "sign_in", "published_keys", "signing_key", "key_file", "transit_ca", mode="after"
    )
    @classmethod
    def _at_home(cls, given: Path | None) -> Path | None:
        return given.expanduser() if given else None

    @field_validator("caseload_url", "keys_url")
    @classmethod
    def _a_database_we_know(cls, given: str | None) -> str | None:
        if given is not None:
            try:
                drivername = make_url(given).drivername
            except ArgumentError:
                raise ValueError("must be an address such as sqlite:///FILE or postgresql://HOST/NAME") from None
            if drivername not in CASELOAD_DRIVERS:
                raise ValueError("must begin with sqlite: or postgresql:")
        return given

    @field_validator("transit_url")
    @classmethod
    def _a_server_that_is_verified(cls, given: str | None) -> str | None:
        if given is not None:
            try:
                parts = urlsplit(given)
                host = parts.hostname
            except ValueError:
                raise ValueError("must begin with https://") from None
            if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(host)):
                raise ValueError("must begin with https:// (http:// on this machine only)")
        return given

    @field_validator("metrics_bind")
    @classmethod
    def _an_address_and_a_port(cls, given: str | None) -> str | None:
        if given is not None:
            _address_and_port(given)
        return given

    @field_validator("smtp_sender")
    @classmethod
    def _a_mail_address(cls, given: str | None) -> str | None:
        if given is not None and not is_mail_address(given):
            raise ValueError("must be one mail address, such as homeward@example.org")
        return given

    @field_validator("webhook_url")
    @classmethod
    def _a_web_address(cls, given: str | None) -> str | None:
        if given is not None and not given.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// or http://")
        return given

    @field_validator("webhook_secret")
    @classmethod
    def _keys_that_sign(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            secrets = given.get_secret_value().split()
            try:
                for secret in secrets:
                    Webhook(secret)
            except (EmptyWebhookSecretError, ValueError):
                secrets = []
            if not secrets:
                raise ValueError("must be whsec_ followed by base64, as the Standard Webhooks specification has it")
        return given

    @model_validator(mode="after")
    def _together(self) -> Self:
        for name, url, password in (
            ("CASELOAD", self.caseload_url, self.caseload_password),
            ("KEYS", self.keys_url, self.keys_password),
        ):
            if password and not (url and make_url(url).drivername.startswith("postgres")):
                raise ValueError(f"{PREFIX}{name}_PASSWORD needs a PostgreSQL address in {PREFIX}{name}_URL")
            if password and url and make_url(url).password is not None:
                raise ValueError(f"{PREFIX}{name}_PASSWORD must not be set when {PREFIX}{name}_URL has a password")
        if self.smtp_host and not self.smtp_sender:
            raise ValueError(f"{PREFIX}SMTP_SENDER must be set when {PREFIX}SMTP_HOST is")
        if (self.smtp_user is None) != (self.smtp_password is None):
            raise ValueError(f"{PREFIX}SMTP_USER and {PREFIX}SMTP_PASSWORD must be set together")
        if self.smtp_password and not self.smtp_starttls and self.smtp_port != 465 and not _loopback(self.smtp_host):
            raise ValueError(f"{PREFIX}SMTP_STARTTLS must stay on, or the password would travel readable by anyone")
        if (self.transit_role_id is None) != (self.transit_secret_id is None):
            raise ValueError(f"{PREFIX}TRANSIT_ROLE_ID and {PREFIX}TRANSIT_SECRET_ID must be set together")
        if self.transit_url and not (self.transit_token or self.transit_role_id):
            raise ValueError(
                f"{PREFIX}TRANSIT_TOKEN, or a role and its secret, must be set when {PREFIX}TRANSIT_URL is"
            )
        if self.webhook_url and not self.webhook_secret:
            raise ValueError(f"{PREFIX}WEBHOOK_SECRET must be set when {PREFIX}WEBHOOK_URL is: events are signed")
        if self.promote and not self.build_id:
            raise ValueError(f"{PREFIX}PROMOTE needs {PREFIX}BUILD_ID: only a named build can be made the current one")
        return self

    @property
    def caseload(self) -> URL:
        """The caseload's database, with the driver that this project uses. The password is in it."""
        return self._database(self.caseload_url, "caseload.db", self.caseload_password)

    @property
    def keys(self) -> URL:
        """The key store's database, with the driver that this project uses. The password is in it."""
        return self._database(self.keys_url, "keys.db", self.keys_password)

    @property
    def metrics_address(self) -> tuple[str, int] | None:
        """Where whoever watches is answered; None where nobody is."""
        return None if self.metrics_bind is None else _address_and_port(self.metrics_bind)

    @property
    def codec_token_file(self) -> Path:
        """The file of the token with which stock tools see clear text."""
        return self.data / "codec.token"

    @property
    def key_encryption_file(self) -> Path:
        """The file of the key-encryption keys."""
        return self.key_file or self.data / "keys" / "kek.json"

    @property
    def archive(self) -> str:
        """The folder or the URL of the archive."""
        return self.archive_url or str(self.data / "archive")

    @property
    def notices_folder(self) -> Path:
        """Where notices lie that no mail server takes."""
        return self.data / "notices"

    @property
    def duplicates_key(self) -> Path:
        """The file with the key of the children's marks."""
        return self.data / "duplicates.key"

    def _database(self, given: str | None, file: str, password: SecretStr | None) -> URL:
        if given is None:
            return URL.create("sqlite+aiosqlite", database=str(self.data / file))
        url = make_url(given)
        if password:
            url = url.set(password=password.get_secret_value())
        return url.set(drivername=CASELOAD_DRIVERS[url.drivername])

    @property
    def published_keys_path(self) -> Path:
        """Where authorities' published keys lie."""
        return self.published_keys or self.data / "published-keys"

    @property
    def signing_key_file(self) -> Path:
        """The file of the private key that signs here."""
        return self.signing_key or self.data / "signing.key"

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The secrets that sign events, the newest first."""
        return tuple(self.webhook_secret.get_secret_value().split()) if self.webhook_secret else ()


def read_settings(**given: Any) -> Settings:
    """The settings of the environment; what is ``given`` by name goes before it, ``None`` counting as not given.

    What neither of them has is looked for in the folder ``HOMEWARD_SECRETS_DIR``, a file for each by its full name;
    line ends around a value do not count, nor does an empty file. Raises :class:`SettingsFault` with one sentence a
    fault.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except SettingsError as error:
        # The library wraps what the source of files raised.
        if isinstance(error.__cause__, SettingsFault):
            raise error.__cause__ from None
        raise SettingsFault([Fault(path=SECRETS_DIR, message="must be a folder of readable files")]) from None
    except ValidationError as error:
        raise SettingsFault([_fault(each) for each in error.errors(include_url=False, include_input=False)]) from None


def is_mail_address(text: str) -> bool:
    """Whether a text looks like one mail address and nothing more: no display name, no second line."""
    local, at, domain = text.partition("@")
    return (
        bool(local and at and domain) and text.isascii() and not any(c in ' ,;:<>"()\\\r\n\t@' for c in local + domain)
    )


def _fault(error: Any) -> Fault:
    if not error["loc"]:
        setting, _, rest = str(error["ctx"]["error"]).partition(" ")
        return Fault(path=setting, message=rest)
    words = say(error)
    if error["type"] in ("int_parsing", "int_type"):
        words = "must be a whole number"
    elif error["type"] in ("bool_parsing", "bool_type"):
        words = "must be true or false"
    return Fault(path=f"{PREFIX}{str(error['loc'][0]).upper()}", message=words)


def _address_and_port(given: str) -> tuple[str, int]:
    host, colon, port = given.rpartition(":")
    try:
        address = str(ip_address(host.removeprefix("[").removesuffix("]")))
        if not colon or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError
    except ValueError:
        raise ValueError("must be an address and a port, such as 127.0.0.1:9464") from None
    return address, int(port)


def _loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False
