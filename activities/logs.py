"""Log lines: readable on a terminal, JSON elsewhere, and never a word about a child.

Everything that this process says goes through here, other libraries' lines too. What is personal is
kept out in three ways: fields with personal names are dropped; anything that is not a plain value (an
intake, an act, a body) is never rendered; and of an exception only its class and the places it came
through are told, for its text may repeat what was given.
"""

import logging
import re
import sys
import warnings
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, TextIO, cast

import structlog
from structlog.stdlib import ProcessorFormatter
from temporalio import activity, workflow
from temporalio.runtime import LogForwardingConfig, LoggingConfig, TelemetryFilter

from workflows.logs import place, placed_once, replaying

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

PERSONAL: Final = frozenset(
    {
        # of people
        "actor",
        "child",
        "contact",
        "date_of_birth",
        "email",
        "estimated_age",
        "family_name",
        "first_name",
        "given_names",
        "languages",
        "last_name",
        "name",
        "names",
        "nationalities",
        "nationality",
        "office",
        "recipient",
        "relationship",
        "relatives",
        "sex",
        # of places
        "address",
        "circumstances",
        "found",
        "place",
        "placement",
        # of what was said
        "about",
        "act_body",
        "against",
        "assessment",
        "body",
        "destination",
        "discipline",
        "education",
        "employer",
        "facts",
        "findings",
        "for",
        "from",
        "grounds",
        "guarantee",
        "health_needs",
        "healthcare",
        "housing",
        "in_favour",
        "input",
        "intake",
        "language",
        "legs",
        "methods",
        "mode",
        "new_facts",
        "note",
        "options",
        "origin",
        "panel",
        "payload",
        "plan",
        "reason",
        "recommendation",
        "remedy",
        "risks",
        "sources",
        "support",
        "text",
        "undertaking",
        "views",
        "weight_given_to_views",
        "wish",
        # keys
        "key",
        "mark",
        "password",
        "salt",
        "secret",
        "seed",
        "token",
        "url",
    }
)
"""Names of fields that no log line ever holds."""

LEFT_OUT: Final = "[left out]"
LONGEST: Final = 500
"""Characters of a value in a log line."""

_QUIET: Final = (
    *("aiosmtplib", "aiosqlite", "alembic", "asyncio", "fontTools", "httpcore2", "httpx2", "mail", "sqlalchemy"),
    "weasyprint",
)
"""Libraries whose lines below a warning tell nothing, or too much."""

_OURS: Final = frozenset({"event", "level", "logger", "timestamp", "trace", "exception", "_record", "_from_structlog"})
_FRAMES: Final = 12
_CORE: Final = "temporalio.core"
_CORE_FIELDS: Final = ("workflow_id", "run_id", "activity_type", "attempt", "namespace", "task_queue")
_ANSWER: Final = re.compile(r"code: \W?([A-Za-z ]{2,40})")

Event = MutableMapping[str, Any]

_log: Final[Any] = structlog.get_logger(__name__)


def configure_logs(format: str = "auto", level: str = "info", *, to: TextIO | None = None) -> None:
    """Send every log line of this process to standard error (or ``to``) in one look.

    ``format``: ``console``, ``json``, or ``auto`` (console on a terminal). ``level``: ``debug``,
    ``info``, ``warning``, ``error``. May be called again; the last call holds.
    """
    stream = to or sys.stderr
    terminal = stream.isatty()
    console = format == "console" or (format == "auto" and terminal)
    render: Any = (
        structlog.dev.ConsoleRenderer(colors=terminal)
        if console
        else structlog.processors.JSONRenderer(ensure_ascii=False, default=_never)
    )
    handler = logging.StreamHandler(stream)
    handler.addFilter(_say_nothing_twice)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[_others_place, _without_others_errors],
            processors=[
                _when_and_whence,
                _what_failed,
                _nothing_personal,
                ProcessorFormatter.remove_processors_meta,
                render,
            ],
        )
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(LEVELS[level])
    warnings.showwarning = _warned
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(LEVELS[level], logging.WARNING))
    # At debug level the engine's client writes out whole payloads.
    logging.getLogger("temporalio").setLevel(max(LEVELS[level], logging.INFO))
    # Where a line was written stands in fields of its own.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, placed_once, ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def engine_logging() -> LoggingConfig:
    """Logging of the engine's native core, for its ``Runtime``: through here, or it would write payloads itself."""
    return LoggingConfig(
        filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
        forwarding=LogForwardingConfig(
            logger=logging.getLogger(_CORE),
            append_target_to_name=False,
            prepend_target_on_message=False,
            # The fields hold failures with their texts; the few that may be shown are picked below.
            append_log_fields_to_message=False,
        ),
    )


def places(error: BaseException, most: int = _FRAMES) -> str:
    """The last places that an error came through, ``most`` of them, outermost first: ``a/b.py:7 f > a/c.py:9 g``.

    As text, because a field that is a list is left out of a line. Five are short enough for a field of a line.
    """
    traceback: TracebackType | None = error.__traceback__
    found: list[str] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        found.append(f"{_short(code.co_filename)}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return " > ".join(found[-most:])


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """What a library warns of, as a line: of which kind and where. Its text may repeat what was given."""
    _log.warning("a library warns", warning=category.__name__, where=f"{_short(filename)}:{lineno}")


def _say_nothing_twice(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR or not replaying()


def _others_place(_: Any, __: str, event: Event) -> Event:
    record: logging.LogRecord = event["_record"]
    forwarded = getattr(record, "temporal_log", None)
    if forwarded is not None:
        fields: Mapping[str, Any] = forwarded.fields
        event.update({name: fields[name] for name in _CORE_FIELDS if name in fields})
        answered = _ANSWER.search(str(fields.get("error", "")))
        if answered:
            event["answered"] = answered[1].strip()
        return event
    return place(event)


def _without_others_errors(_: Any, __: str, event: Event) -> Event:
    """Take the text of an exception out of a line that another library built around it."""
    error = _exception(event.get("exc_info"))
    while error is not None:
        said = str(error)
        if said and said in event["event"]:
            event["event"] = event["event"].replace(said, type(error).__name__)
        error = error.__cause__ or error.__context__
    return event


def _when_and_whence(_: Any, __: str, event: Event) -> Event:
    record: logging.LogRecord = event["_record"]
    # The record's own time: workflow code has no clock to ask.
    event["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    event["level"] = record.levelname.lower()
    event["logger"] = record.name
    return event


def _what_failed(_: Any, __: str, event: Event) -> Event:
    """An exception as its class and the places that it came through; its text only where that is harmless."""
    error = _exception(event.pop("exc_info", None))
    event.pop("stack_info", None)
    if error is not None:
        chain: list[str] = []
        each: BaseException | None = error
        while each is not None and len(chain) < _FRAMES:
            chain.append(_named(each))
            each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
        event["exception"] = " < ".join(chain)
        event["trace"] = places(error)
    return event


def _nothing_personal(_: Any, __: str, event: Event) -> Event:
    gone = sorted(name for name in event if name.lower() in PERSONAL)
    for name in gone:
        del event[name]
    if gone:
        event["left_out"] = ", ".join(gone)
    for name, value in event.items():
        if name not in _OURS:
            event[name] = _plain(value)
    return event


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return value if len(value) <= LONGEST else f"{value[:LONGEST]} {LEFT_OUT}"
    if isinstance(value, BaseException):
        return _named(value)
    return LEFT_OUT


def _named(error: BaseException) -> str:
    kind = type(error).__name__
    named = getattr(error, "type", None)
    if isinstance(named, str):
        return f"{kind}[{named}]"
    return f"{kind}: {error}" if getattr(error, "says_nothing_personal", False) else kind


def _never(_: object) -> str:
    return LEFT_OUT


def _exception(exc_info: Any) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        found: Any = cast(tuple[Any, ...], exc_info)[1]
        return found if isinstance(found, BaseException) else None
    return sys.exc_info()[1] if exc_info else None


def _short(filename: str) -> str:
    return "/".join(filename.split("/")[-2:])
