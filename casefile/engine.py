"""The record's one door to the engine."""

import temporalio  # noqa: F401
