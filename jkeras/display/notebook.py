"""The notebook in which this process runs, if it does: who watches it, and a display that changes.

Law: a process that has not imported ipykernel is in no notebook, and a question costs a look-up.
"""

from __future__ import annotations

import sys
from typing import Any


def kernel_shell() -> Any:
    """The shell of the kernel that runs the cells in this process; None outside of notebooks."""
    if "ipykernel" not in sys.modules or "IPython" not in sys.modules:
        return None
    shell = sys.modules["IPython"].get_ipython()
    return None if getattr(shell, "kernel", None) is None else shell


def is_cell_output(stream: object) -> bool:
    """Whether what is written to a stream appears below a cell, sent by a thread of the kernel."""
    streams = getattr(sys.modules.get("ipykernel.iostream"), "OutStream", None)
    return streams is not None and isinstance(stream, streams)


def is_watched() -> bool:
    """Whether a person sees the running cell, and no program runs the whole notebook.

    Programs that run notebooks (nbclient, papermill, `jupyter execute`) say that nobody can answer
    `input()`; where it is not known, a person is there. Colab has its own way of `input()`.
    """
    shell = kernel_shell()
    request = shell.get_parent() if hasattr(shell, "get_parent") else {}
    allows = request.get("content", {}).get("allow_stdin", True)
    return bool(allows) or "google.colab" in sys.modules


class LiveDisplay:
    """One output of a cell whose content is replaced: the first `show` makes it."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, content: object) -> None:
        """Shows `content` in the place of what was shown before."""
        from IPython.display import display

        if self._handle is None:
            self._handle = display(content, display_id=True)
        else:
            self._handle.update(content)
