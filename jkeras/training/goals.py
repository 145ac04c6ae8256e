"""Several outputs: which loss, weight and metrics belong to each, and how the logs call them.

A user writes `loss`, `metrics` and the like as one thing for all outputs, or for each of them.
`resolved` makes one `Goal` an output of it, once the structure of the outputs is known.

Laws: a model with one output gets names without a prefix, in the order they were given; nothing
here looks at an array's values.

Source for names and orders: measured on Keras 3.15.1.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax

from jkeras import losses
from jkeras import metrics as metrics_
from jkeras.core.errors import describe
from jkeras.core.trees import Tree
from jkeras.losses import Loss
from jkeras.losses.registry import LossLike
from jkeras.metrics import Metric
from jkeras.training.outline import Outline, spread

Pairs = tuple[tuple[str, Metric], ...]
Given = list[Any] | dict[str, Any]
"""What `Wanted` has where something was given for each output, or several things for one."""
Losses = LossLike | Sequence[Any] | None
"""What a user writes for the loss: one, a list or a dict of them by output, or None."""
LossWeights = float | Sequence[Any] | Mapping[str, Any] | None
"""What a user writes for the factors of the losses: one number, or a list or a dict of them."""
Metrics = Sequence[Any] | Mapping[str, Any] | None
"""What a user writes for metrics: a list of them, or a list or a dict of lists by output."""


class Goal(NamedTuple):
    """One output of a model, and what is asked of it.

    Attributes:
      number: which output it is, in JAX's order.
      name: the output's name, or None.
      loss: its loss, or None.
      weight: what the loss is multiplied by in the total; None for one.
      loss_name: how logs call its loss; None when the total is all there is to say.
      metrics: pairs of log name and metric; these ignore sample weights.
      weighted_metrics: the same; these use them.
    """

    number: int
    name: str | None
    loss: Loss | None
    weight: float | None = None
    loss_name: str | None = None
    metrics: Pairs = ()
    weighted_metrics: Pairs = ()

    @property
    def called(self) -> str:
        """How messages call it."""
        return f"number {self.number}" if self.name is None else repr(self.name)

    @property
    def needs_targets(self) -> bool:
        """Whether anything compares the output with targets."""
        return self.loss is not None or bool(self.metrics or self.weighted_metrics)


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What `compile` was told about losses and metrics, each word an object already.

    Attributes:
      loss, loss_weights, metrics, weighted_metrics: one, or lists and dicts of them.
    """

    loss: Any = None
    loss_weights: Any = None
    metrics: Any = ()
    weighted_metrics: Any = ()

    @property
    def is_in_order(self) -> bool:
        """Whether a metric has to see the batches one after the other, and no filler rows."""
        found = jax.tree.leaves((self.metrics, self.weighted_metrics))
        return any(getattr(metric, "in_order", False) for metric in found)

    @property
    def is_for_several(self) -> bool:
        """Whether it can only be meant for a model with several outputs."""
        losses = (self.loss, self.loss_weights)
        named = (self.metrics, self.weighted_metrics)
        return any(isinstance(given, list | dict) and len(given) != 1 for given in losses) or any(
            isinstance(given, dict) and len(given) > 1 for given in named
        )


NOTHING = Wanted()
"""What a model that is not compiled was told."""


def wanted(
    loss: Losses, loss_weights: LossWeights, metrics: Metrics, weighted_metrics: Metrics
) -> Wanted:
    """What a user wrote, with every word, class and function replaced by the object it means.

    Raises:
      TypeError, ValueError: one of them means nothing; the message names the argument.
    """
    return Wanted(
        _each("loss", loss, losses.get),
        _each("loss_weights", loss_weights, _weight),
        _each("metrics", metrics or (), metrics_.get),
        _each("weighted_metrics", weighted_metrics or (), metrics_.get),
    )


def _each(argument: str, tree: object, get: Callable[[Any], Any]) -> Any:
    if isinstance(tree, dict):
        return {key: _each(argument, item, get) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        return [_each(argument, item, get) for item in tree]
    try:
        return None if tree is None else get(tree)
    except (TypeError, ValueError) as error:
        raise type(error)(f"`{argument}`: {error}") from None


def _weight(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, str) or not math.isfinite(number):
        raise TypeError(f"expected a finite number for each loss, got {describe(value)}.")
    return number


def resolved(want: Wanted, found: Outline) -> tuple[Goal, ...]:
    """One `Goal` an output, in JAX's order of the outputs.

    Raises:
      ValueError: what was given does not go with the outputs; the message names the argument.
    """
    given = _losses(want.loss, found)
    weights = _loss_weights(want.loss_weights, found)
    plain = _metrics("metrics", want.metrics, found)
    weighted = _metrics("weighted_metrics", want.weighted_metrics, found)
    own_names = loss_names(want, found)
    names = iter(
        metrics_.log_names(
            *([m for group in groups for m in group] for groups in (plain, weighted)),
            outputs=_owners(plain, found) + _owners(weighted, found),
        )
    )
    named = [[tuple((next(names), m) for m in group) for group in g] for g in (plain, weighted)]
    return tuple(
        Goal(i, name, given.get(i), weights[i], own_names.get(i), named[0][i], named[1][i])
        for i, name in enumerate(found.names)
    )


def _losses(loss: Loss | Given | None, found: Outline) -> dict[int, Loss]:
    """The losses by output, in the order in which Keras logs them."""
    if not isinstance(loss, list | dict):
        return {} if loss is None else dict.fromkeys(range(found.count), loss)
    placed = spread("loss", loss, found)
    for value in placed.values():
        if isinstance(value, list | dict):
            raise ValueError(f"`loss`: expected one loss for each output, got {describe(value)}.")
    return {i: value for i, value in placed.items() if value is not None}


def _loss_weights(weights: float | Given | None, found: Outline) -> list[float | None]:
    if not isinstance(weights, list | dict):
        if weights is not None and found.count > 1:
            raise ValueError(
                f"`loss_weights`: expected a list or dict of {found.count} numbers, one for each "
                f"output, got {describe(weights)}."
            )
        return [weights] * found.count
    placed = spread("loss_weights", weights, found)
    return [placed.get(i) for i in range(found.count)]


def _metrics(argument: str, given: Given | tuple[()], found: Outline) -> list[list[Metric]]:
    """The metrics of each output; all of them for a model with one."""
    if found.count == 1:
        if isinstance(given, dict):
            given = list(spread(argument, given, found).values())
        return [_flat(given)]
    if not given:
        return [[] for _ in range(found.count)]
    placed = spread(argument, given, found, entries=True)
    return [_flat(placed.get(i)) for i in range(found.count)]


def _flat(tree: Metric | Given | tuple[()] | None) -> list[Metric]:
    if isinstance(tree, list | tuple | dict):
        items = tree.values() if isinstance(tree, dict) else tree
        return [metric for item in items for metric in _flat(item)]
    return [] if tree is None else [tree]


def _owners(groups: list[list[Metric]], found: Outline) -> list[str | None]:
    pairs = zip(groups, found.prefixes, strict=True)
    return [prefix for group, prefix in pairs for _ in group]


def loss_names(want: Wanted, found: Outline) -> dict[int, str]:
    """Names for the losses of the outputs, by output, where there are at least two: in the order in
    which Keras reports them.
    """
    names: dict[int, str] = {}
    given = _losses(want.loss, found)
    for i, loss in given.items() if len(given) > 1 else ():
        path = found.paths[i]
        words = [str(word) for word in path]
        if not path or isinstance(path[-1], int):
            words[-1:] = [found.names[i] or loss.log_name]
        name = "/".join(words) + "_loss"
        again = sum(other.rpartition("_loss")[0] + "_loss" == name for other in names.values())
        names[i] = f"{name}_{again}" if again else name
    return names


def targets(y: Tree, goals: tuple[Goal, ...], found: Outline) -> tuple[Any, ...]:
    """The targets of each output, None where there are none.

    Args:
      y: an array for a model with one output, or with one that has a loss; a list, tuple or dict
        for several. Outputs whose loss is None may be left out.
      goals: what is asked of each output.
      found: the outline of the outputs.

    Raises:
      ValueError: they do not go with the outputs, or some that are needed are missing.
    """
    with_loss = [i for i, goal in enumerate(goals) if goal.loss is not None]
    if not isinstance(y, list | tuple | dict) and y is not None and len(with_loss) == 1:
        y = [y] if found.count > 1 else y
    if not isinstance(y, list | tuple | dict):
        if found.count > 1 and y is not None:
            raise ValueError(
                f"`y`: expected targets for each of the {found.count} outputs, as a list or dict, "
                f"got {describe(y)}."
            )
        return (y,) * found.count
    if isinstance(y, list | tuple) and len(y) == len(with_loss) != found.count:
        placed = dict(zip(with_loss, y, strict=True))
    else:
        placed = spread("y", y, found)
    for goal in goals:
        if goal.needs_targets and placed.get(goal.number) is None:
            raise ValueError(f"`y`: expected targets for the output {goal.called}, got none.")
    return tuple(placed.get(i) for i in range(found.count))


def sample_weights(weight: Tree, found: Outline) -> tuple[Any, ...]:
    """The sample weights of each output: one array counts for all.

    Raises:
      ValueError: they do not go with the outputs.
    """
    if isinstance(weight, list | tuple | dict):
        placed = spread("sample_weight", weight, found)
        return tuple(placed.get(i) for i in range(found.count))
    if weight is not None and found.count > 1 and math.prod(weight.shape[1:]) != 1:
        raise ValueError(
            "`sample_weight`: expected one number an example where one array counts for all "
            f"{found.count} outputs, got {describe(weight)}. Give a list or dict with one array "
            "for each output."
        )
    return (weight,) * found.count
