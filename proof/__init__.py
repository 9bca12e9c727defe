"""An exhaustive exploration of the law: every course within stated bounds, each step made by `procedure/` itself.

Not shipped. docs/proof.md says what is shown, by what argument, and where it ends.
"""
