"""The program behind `python -m jkeras`: one command, errors in one line."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any

from jkeras.cli.parser import made_parser

FAILED, INTERRUPTED = 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit code.

    Args:
      argv: the words after `python -m jkeras`; those of the process when left out.
    """
    args = made_parser().parse_args(argv)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            args.run(args)
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of stdout went, as `head` does
        sys.stderr.close()
        return FAILED
    except Exception as error:  # of any class: a user's model may raise what it likes
        if args.debug:
            raise
        print(f"jkeras {args.command}: {_line(error)}", file=sys.stderr)
        return FAILED
    return 0


def _line(error: Exception) -> str:
    """A message without line breaks."""
    text = " ".join(str(error).split())
    return text or type(error).__name__


def _show_warning(message: Warning | str, *where: Any, **more: Any) -> None:
    del where, more
    print(f"warning: {' '.join(str(message).split())}", file=sys.stderr)
