"""What a trainer tells before a long training: the learning rates that suit its model and data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jkeras.core.errors import named_arguments
from jkeras.core.trees import Tree
from jkeras.data.arrays import ClassWeight
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.preflight.data_arguments import Examples

if TYPE_CHECKING:
    from jkeras.trainer.loop.rate_search import RateSearch


class TuningMixin:
    """Short trainings of which nothing stays."""

    _trainer_parts: TrainerParts

    @named_arguments
    def lr_find(
        self,
        x: Examples,
        y: Tree = None,
        *,
        batch_size: int | None = None,
        sample_weight: Tree = None,
        class_weight: ClassWeight | None = None,
        shuffle: bool = True,
        min_rate: float = 1e-7,
        max_rate: float = 10.0,
        steps: int = 100,
        stop_factor: float | None = 4.0,
        smoothing: float = 0.98,
    ) -> RateSearch:
        """Searches for a learning rate: trains for some steps with a growing rate, looks where the
        loss falls fastest, and takes everything back.

        The search starts from the weights and the optimizer's state that the model has, and ends
        with them, bit for bit; the seeds, the history and the counters stay, too. A generator is
        read on. A rate that a schedule sets is set aside for the search.

            found = model.lr_find(x, y)
            model.learning_rate = found.suggestion

        Args:
          x, y, batch_size, sample_weight, class_weight, shuffle: as for `fit`; short data are read
            again.
          min_rate: the rate of the first step.
          max_rate: the rate of the last one; each rate is the one before times the same factor.
          steps: the number of updates, at least 2.
          stop_factor: how many times its least value the average loss grows to before the search
            ends; None for a search to the last rate. It ends with NaN in any case.
          smoothing: the share of the old average of the losses in the new one.

        Returns:
          A `RateSearch`: `rates`, `losses`, `smoothed`, `suggestion`, `valley` and `plot()`. After
          Ctrl-C it holds the steps that were made.

        Raises:
          TypeError, ValueError: as for `fit`, or the optimizer has no single learning rate, the
            steps log no `loss`, or they do not use the optimizer.
          FloatingPointError: the loss of the first step is NaN or infinite.
        """
        from jkeras.trainer.loop import rate_search  # not with the package: few runs begin so

        return rate_search.search(
            self._trainer_parts,
            x,
            y,
            batch_size=batch_size,
            sample_weight=sample_weight,
            class_weight=class_weight,
            shuffle=shuffle,
            min_rate=min_rate,
            max_rate=max_rate,
            steps=steps,
            stop_factor=stop_factor,
            smoothing=smoothing,
        )
