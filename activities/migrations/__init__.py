"""The caseload's schema, step by step. ``python -m activities.migrations "what changed"`` writes the next step."""
