"""One call of `fit`, `evaluate` or `predict`: its callbacks and its progress display."""

from __future__ import annotations

import dataclasses

from jkeras.callbacks import CallbackList
from jkeras.core.processes import ALONE, Team
from jkeras.trainer.compiling.pace import Pace
from jkeras.trainer.loop.interrupt import Interrupt
from jkeras.trainer.reports.progress import Progress


@dataclasses.dataclass
class Call:
    """The options of a call, and what follows from them.

    Attributes:
      callbacks: the callbacks to call.
      verbose: 0 silent, 1 or "auto" a bar, 2 one line.
      limit: steps at most; None for no limit.
      steps: steps in all; None where unknown.
      per_execution: steps in a dispatch that `compile` fixed, after which callbacks with batch
        hooks are called; None for one where they are.
      fixed: steps in every dispatch; None to let the pace find them.
      interrupt: the handler of Ctrl-C, in `fit`.
      bars: the progress bars made so far, by this call and by copies of it.
      team: the processes that make the call together.
      was_interrupted: whether it was found to be interrupted.
    """

    callbacks: CallbackList
    verbose: int | str
    limit: int | None
    steps: int | None
    per_execution: int | None = None
    fixed: int | None = None
    interrupt: Interrupt | None = None
    bars: list[Progress] = dataclasses.field(default_factory=list)
    team: Team = ALONE
    was_interrupted: bool = False

    def between_hooks(self, phase: str) -> int | None:
        """Steps from one call of the batch hooks to the next; None where no callback watches."""
        return (self.per_execution or 1) if self.callbacks.watches_batches(phase) else None

    def fix_dispatches(self, *, check_nans: bool, team: Team = ALONE) -> None:
        """Fixes the steps in a dispatch of training where something looks at every step, and the
        processes that train.
        """
        self.team = team
        self.fixed = 1 if check_nans else self.per_execution or self.between_hooks("train")

    def interrupted(self) -> bool:
        """Whether the process, or another one of the team, got Ctrl-C or SIGTERM."""
        if self.interrupt is None:
            return False
        found = self.team.heard(self.interrupt.received is not None)
        self.was_interrupted = self.was_interrupted or found
        return found

    def bar(self, header: str = "") -> Progress:
        """A progress bar for these steps; a silent one where a callback draws."""
        verbose = 0 if self.callbacks.draws_progress else self.verbose
        self.bars[:] = [Progress(self.steps, verbose, header), *self.bars[:1]]
        return self.bars[0]

    def close(self) -> None:
        """Ends the lines that an error left unfinished."""
        for bar in self.bars:
            bar.close()

    def begin(self, pace: Pace, bar: Progress) -> Pace:
        """The pace, started: a tenth of a second a dispatch while a bar moves, else a second."""
        return pace.begin(0.1 if bar.draws else 1.0, self.fixed)
