"""Where text goes: what a stream can do, and writing to it without failing on a character.

Law: `stream=None` means standard output as it is at the moment of the call.
"""

from __future__ import annotations

import os
import sys
from typing import TextIO


def can_redraw(stream: TextIO | None) -> bool:
    """Whether a carriage return takes the reader back: on terminals, in notebooks, in PyCharm.

    The last two say no when asked for a terminal, and count only for standard output.
    """
    target = sys.stdout if stream is None else stream
    if hasattr(target, "isatty") and target.isatty():
        return True
    return target is sys.stdout and ("ipykernel" in sys.modules or "PYCHARM_HOSTED" in os.environ)


def write_text(stream: TextIO | None, text: str) -> None:
    """Writes and flushes; where the encoding lacks the bar's character, `=` takes its place."""
    try:
        print(text, end="", file=stream, flush=True)
    except UnicodeEncodeError:
        encoding = getattr(sys.stdout if stream is None else stream, "encoding", None) or "ascii"
        plain = text.replace("━", "=").encode(encoding, errors="replace").decode(encoding)
        print(plain, end="", file=stream, flush=True)
