"""Courses of a case while engine, worker, databases, post, clock and disks fail: `python -m faults`. Not shipped."""
