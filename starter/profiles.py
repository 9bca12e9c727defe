"""Agreement profiles as the command line meets them: by id, or by path."""

import errno
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from activities.agreements import AgreementShelf, UnknownAgreement
from procedure.agreement import Agreement, BelowTheFloor, Breach, MalformedAgreement
from procedure.faults import Fault
from starter.scenario import Read, ScenarioFault, profile_path


@dataclass(frozen=True)
class Checked:
    """What became of a profile: loaded, malformed (``faults``), or below the floor (``breaches``)."""

    profile: str
    agreement: Agreement | None = None
    faults: list[Fault] = field(default_factory=list[Fault])
    breaches: list[Breach] = field(default_factory=list[Breach])

    def as_json(self) -> dict[str, Any]:
        loaded = self.agreement
        return {
            "profile": self.profile,
            "result": "accepted" if loaded else "malformed" if self.faults else "refused",
            "id": loaded.id if loaded else None,
            "title": loaded.title if loaded else None,
            "version": loaded.version if loaded else None,
            "digest": loaded.digest() if loaded else None,
            "faults": list(self.faults),
            "breaches": [breach.model_dump(mode="json") for breach in self.breaches],
        }


def check(profile: str, folder: Path = Path()) -> Checked:
    """Load the profile of that id, or at that path seen from ``folder``, and hold it to the floor."""
    shelf = AgreementShelf()
    try:
        path = _path(profile, folder, shelf)
        return Checked(profile, shelf.get(profile) if path is None else shelf.check(path))
    except MalformedAgreement as malformed:
        return Checked(profile, faults=malformed.faults)
    except BelowTheFloor as below:
        return Checked(profile, breaches=below.breaches)
    except UnknownAgreement as unknown:
        message = f"no such agreement; there are {', '.join(unknown.known)}, or name the path of a profile"
        return Checked(profile, faults=[Fault(path="$", message=message)])
    except UnicodeDecodeError:
        return Checked(profile, faults=[Fault(path="$", message="is not UTF-8 text")])
    except OSError as error:
        return Checked(profile, faults=[Fault(path="$", message=f"cannot be read ({error.strerror})")])


def _path(profile: str, folder: Path, shelf: AgreementShelf) -> Path | None:
    """Where the profile's file is; None for an id. Raises OSError where nothing can be."""
    try:
        path = profile_path(profile, folder)
        if path is None and profile not in shelf.ids() and (folder / profile).exists():
            path = folder / profile
        if path is not None:
            path.stat()
    except (ValueError, RuntimeError):
        # A NUL, letters that no file system has, the home of somebody whom this machine does not know.
        raise FileNotFoundError(errno.ENOENT, "no file can have such a name") from None
    return path


def agreement_faults(scenario: Read) -> list[ScenarioFault]:
    """What keeps a scenario's agreement from being used; a profile below the floor is told clause by clause."""
    return [
        ScenarioFault(file=scenario.file, step=None, field="agreement", message=message)
        for message in _messages(check(scenario.agreement, scenario.folder))
    ]


def further_profiles(scenario: Read) -> dict[str, Path]:
    """The profile that a scenario brings along, by its id; nothing when it names one of the shelf."""
    path = profile_path(scenario.agreement, scenario.folder)
    if path is None:
        return {}
    return {AgreementShelf().check(path).id: path}


def _messages(checked: Checked) -> Iterator[str]:
    for fault in checked.faults:
        yield f"{checked.profile}: {fault['path']} {fault['message']}"
    for breach in checked.breaches:
        yield f"{checked.profile} breaks the floor: {breach.sentence()}"


def agreement_schema() -> dict[str, Any]:
    """The JSON Schema of a profile."""
    from procedure.profiles import Profile

    return Profile.model_json_schema(by_alias=True)
