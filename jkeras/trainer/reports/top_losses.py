"""`model.top_losses`: the examples that a model gets most wrong."""

from __future__ import annotations

from jkeras.core.trees import Tree
from jkeras.display.worst_examples import TopLosses, top_of
from jkeras.trainer.compiling.compilation import check_positive
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.preflight.data_arguments import Examples
from jkeras.trainer.reports.examined import examine


def top_losses(
    parts: TrainerParts, x: Examples, y: Tree, n: int, batch_size: int | None
) -> TopLosses:
    """The examples with the largest losses.

    Args:
      parts: of the trainer.
      x, y, batch_size: data, as for `evaluate`.
      n: number of examples.

    Raises:
      ValueError: no loss of the model has a value for each example.
    """
    check_positive("top_losses", n=n)
    examined = examine(parts, "top_losses", x, y, batch_size=batch_size)
    if examined.losses is None:
        raise ValueError(
            f"{parts.state.who}: top_losses: expected a model that is compiled with a loss of each "
            "output, got one whose losses per example are not known. Call compile(loss=...)."
        )
    return top_of(examined.losses, examined.predictions, n)
