"""Letting the user write in their own editor."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory


def edit(text: str, *, suffix: str) -> str | None:
    """Open a text in $VISUAL or $EDITOR; None where it came back as it was or the editor failed, which is then said."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ("notepad" if os.name == "nt" else "vi")
    with TemporaryDirectory(prefix="study-") as folder:
        path = Path(folder) / f"text{suffix}"
        path.write_text(text, encoding="utf-8")
        try:
            code = subprocess.run([*shlex.split(editor), str(path)], check=False).returncode
            edited = path.read_text(encoding="utf-8", errors="replace")
        except (OSError, ValueError) as error:
            code, edited = str(error), text
    if code != 0:
        sys.stderr.write(f"study: the editor {editor!r} failed ({code}); set EDITOR to one that works.\n")
        return None
    return None if edited == text else edited
