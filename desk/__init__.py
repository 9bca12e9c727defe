"""The desk: the web page where authorities, caseworkers and auditors work.

It speaks to cases through the one client of :mod:`starter.client`, reads the caseload's table, and keeps nothing
personal of its own.
"""
