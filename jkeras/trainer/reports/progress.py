"""The progress of one epoch or evaluation on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jkeras.display import ProgressBar, write_text


class Progress:
    """A progress bar under an optional header; its last line waits for the validation's values.

    Args:
      steps: steps in all, or None when unknown.
      verbose: 0 nothing, 1 or "auto" a bar, 2 one line at the end.
      header: a line to print first, such as `Epoch 1/5`.

    Attributes:
      draws: whether there is a moving bar, which needs results ten times a second.
    """

    def __init__(self, steps: int | None, verbose: int | str, header: str = "") -> None:
        self._bar = ProgressBar(steps, verbose=verbose)
        self._steps = steps
        self._done = 0
        self.draws = self._bar.verbose == 1
        if header and self._bar.verbose:
            write_text(None, header + "\n")

    def update(self, done: int, logs: Mapping[str, Any]) -> None:
        """Moves the bar to `done` steps."""
        self._done = done
        if not self._bar.verbose:
            return
        self._bar.update(done, dict(sorted(logs.items())), finalize=False)

    def finish(self, logs: Mapping[str, Any]) -> None:
        """Draws the last line. As in Keras it names all steps, also where an epoch ended early."""
        done = self._steps or self._done
        self._bar.target = done
        self._bar.update(done, dict(sorted(logs.items())), finalize=True)

    def close(self) -> None:
        """Ends a line that an error left unfinished."""
        self._bar.close()
