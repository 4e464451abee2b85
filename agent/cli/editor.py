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
            edited, failure = path.read_text(encoding="utf-8", errors="replace"), f"exit code {code}" if code else ""
        except (OSError, ValueError) as error:
            edited, failure = text, str(error)
    if failure:
        sys.stderr.write(f"study: the editor {editor!r} failed ({failure}); set EDITOR to one that works.\n")
        return None
    return None if edited == text else edited
