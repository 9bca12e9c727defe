"""The independent check of a dossier, as an auditor runs it."""

import subprocess
import sys
from pathlib import Path

from tests.house.committed import ROOT


def by_script(path: Path) -> tuple[int, str]:
    """Exit code and output of docs/verify_dossier.py, by a Python that knows nothing of ours."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", ROOT / "docs" / "verify_dossier.py", path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
