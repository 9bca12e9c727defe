"""Forms for every act and for the intake, made from the models that judge them: no second copy of the fields.

``form_for`` makes a form, ``filled`` and ``with_errors`` make it again with what was typed and with what is wrong.
``read`` reads what was posted back to the contract's JSON, and ``posted`` goes the other way. ``pressed`` and
``changed`` add and remove rows without a script. ``answers`` tells an act in words. A correction has a few more:
``correctable``, ``mending``, ``faults_of_correction``. The templates that draw a form stand in
``desk/templates/forms``.
"""

from desk.forms.answers import answers
from desk.forms.corrections import Mending, correctable, faults_of_correction, mending
from desk.forms.fields import Field, Form, Kind, Option
from desk.forms.making import filled, form_for, with_errors
from desk.forms.shapes import INTAKE
from desk.forms.typed import RowChange, Typed, as_typed, changed, posted, pressed, read

__all__ = [
    "INTAKE",
    "Field",
    "Form",
    "Kind",
    "Mending",
    "Option",
    "RowChange",
    "Typed",
    "answers",
    "as_typed",
    "changed",
    "correctable",
    "faults_of_correction",
    "filled",
    "form_for",
    "mending",
    "posted",
    "pressed",
    "read",
    "with_errors",
]
