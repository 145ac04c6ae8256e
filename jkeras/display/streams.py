"""Text streams: whether a stream can redraw a line, and writing despite a narrow encoding.

Law: `stream=None` means standard output as it is at the moment of the call.
"""

from __future__ import annotations

import os
import sys
from typing import TextIO


def can_redraw(stream: TextIO | None) -> bool:
    """Whether a carriage return restarts the line: on terminals, in notebooks, in PyCharm.

    `isatty` is False in notebooks and PyCharm, so these two count only for standard output.
    """
    target = sys.stdout if stream is None else stream
    if hasattr(target, "isatty") and target.isatty():
        return True
    return target is sys.stdout and ("ipykernel" in sys.modules or "PYCHARM_HOSTED" in os.environ)


def write_text(stream: TextIO | None, text: str) -> None:
    """Writes and flushes; `=` replaces the bar's character if the encoding lacks it."""
    try:
        print(text, end="", file=stream, flush=True)
    except UnicodeEncodeError:
        encoding = getattr(sys.stdout if stream is None else stream, "encoding", None) or "ascii"
        plain = text.replace("━", "=").encode(encoding, errors="replace").decode(encoding)
        print(plain, end="", file=stream, flush=True)
