"""Malformed and hostile input by the hundred thousand, and what the program answers to it.

Not shipped. docs/decisions/0031 says what must hold, how it is looked for, and where the looking ends.
"""
