"""The auditor's side: a case's record read, told, checked and printed, with no server running.

It knows the law (:mod:`procedure`) and nothing else of ours. :mod:`casefile.engine` is its one door to
the engine, through which histories come in.
"""
