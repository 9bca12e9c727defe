"""YAML 1.2, of which JSON is a part, as text becomes values.

The common loader reads YAML 1.1, where the field `on` is "true" and the state `NO` is "false"; and a
date becomes an object there, where here it stays the text that the field's own model reads.
"""

import re
from typing import Any, Final, cast

import pydantic_core
import yaml
from yaml.constructor import ConstructorError

MOST_CHARACTERS: Final = 256 * 1024
"""Twenty times the longest scenario that comes along. What reads YAML takes a second for so many."""
MOST_VALUES: Final = 50_000
"""So many values may a text come to when each alias is written out: each may double what it names."""
_TAG: Final = "tag:yaml.org,2002:"


class NotReadable(ValueError):
    """The text is neither YAML nor JSON: ``where`` (a line, or ``$``) and ``why``."""

    def __init__(self, where: str, why: str) -> None:
        self.where, self.why = where, why
        super().__init__(f"{where}: {why}")


class _Plain(yaml.SafeLoader):
    """YAML 1.2's core schema; a field that is written twice is a fault."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        told: set[str] = set()
        for name, _ in node.value:
            if isinstance(name, yaml.ScalarNode) and name.tag == f"{_TAG}str":
                if name.value in told:
                    raise ConstructorError(None, None, f'"{name.value}" is written twice', name.start_mark)
                told.add(name.value)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MOST_VALUES:
            raise ConstructorError(None, None, "it comes to too many values", node.start_mark)


def _whole(loader: _Plain, node: yaml.ScalarNode) -> int:
    return int(node.value)


def _fraction(loader: _Plain, node: yaml.ScalarNode) -> float:
    return float(node.value)


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]{1,1000}", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):
    cast(Any, _Plain).add_implicit_resolver(f"{_TAG}{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))
_Plain.add_constructor(f"{_TAG}int", _whole)
_Plain.add_constructor(f"{_TAG}float", _fraction)


def read_text(text: str) -> Any:
    """The value in a YAML or JSON text. Raises :class:`NotReadable`."""
    if len(text) > MOST_CHARACTERS:
        raise NotReadable("$", f"it has more than {MOST_CHARACTERS} characters")
    if text.lstrip().startswith("{"):
        try:
            return pydantic_core.from_json(text)
        except ValueError:
            pass  # YAML may begin so too
    try:
        return yaml.load(text, Loader=_Plain)  # noqa: S506
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = str(getattr(error, "problem", None) or error).partition("\n")[0]
        raise NotReadable(f"line {mark.line + 1}" if mark else "$", why) from None
    except (ValueError, RecursionError):
        raise NotReadable("$", "it is nested too deeply, or holds a number that nothing can read") from None
    except (AttributeError, KeyError, TypeError):
        # The library takes a tag at its word: `!!bool x` is looked up among true and false.
        raise NotReadable("$", "something in it is not what its tag (`!!...`) says; leave the tag out") from None
