"""The law of a return case, pure: no engine, no input or output, no clock, no chance.

Everything here is a function of what was said, what stands on record, and a moment
that the caller names. The doors are:

* :mod:`procedure.intake` and :mod:`procedure.acts`: what people say, checked for shape;
* :mod:`procedure.proceedings`: one case, hearing acts and the passing of time;
* :mod:`procedure.folding`: a ledger back into a case;
* :mod:`procedure.agreement`: an agreement profile against the floor.
"""

from procedure.vocabulary import PROCEDURE_VERSION

__all__ = ["PROCEDURE_VERSION"]
