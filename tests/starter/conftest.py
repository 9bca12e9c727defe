"""One house for all tests of the command line."""

from collections.abc import Iterator

import pytest

from tests.starter.running import ANY_PORTS, House


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all tests that only open and read cases of their own."""
    running = House(tmp_path_factory.mktemp("house"), *ANY_PORTS)
    assert running.told, running.err
    yield running
    running.gone()
