"""Journeys use the engines of the workflow tests."""

from tests.workflows.conftest import server, skipping

__all__ = ["server", "skipping"]
