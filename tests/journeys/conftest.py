"""Journeys use the engines of the workflow tests, and the database of the activities' tests."""

from tests.activities.conftest import another_postgresql, postgresql, postgresql_server
from tests.workflows.conftest import server, skipping

__all__ = ["another_postgresql", "postgresql", "postgresql_server", "server", "skipping"]
