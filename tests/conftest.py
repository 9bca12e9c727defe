"""In which order a run takes the tests: what waits for engines and browsers first, so that nothing slow is left for last."""

import pytest

SLOW_FIRST = ("faults", "benches", "starter", "journeys", "workflows", "desk", "casefile")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders of slow tests first; within a folder as they stand."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    folder = item.path.parent.name
    return SLOW_FIRST.index(folder) if folder in SLOW_FIRST else len(SLOW_FIRST)
