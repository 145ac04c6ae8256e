"""The arguments of `compile`, and the loss, loss weight and metrics of each output made of them.

A user writes `loss`, `metrics` and the like once for all outputs, or for each output.
`parse_compile_args` replaces names by objects; `resolve_loss_specs` makes one `LossSpec` for each
output, once the structure of the outputs is known.

Laws: the logs of a model with one output have names without a prefix, in the order of the
arguments; no array's values are read here.

Source for names and orders: measured on Keras 3.15.1.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax

from jkeras import losses
from jkeras import metrics as metrics_
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.trees import Tree
from jkeras.losses.registry import LossLike
from jkeras.metrics import Metric
from jkeras.training.loss_terms import NESTED, resolve_loss_terms
from jkeras.training.outline import Outline, spread

if TYPE_CHECKING:
    from typing import SupportsFloat

Pairs = tuple[tuple[str, Metric], ...]
PerOutput = list[Any] | dict[str, Any]
"""A field of `CompileSpec` with entries for each output, or several entries for one output."""
Losses = LossLike | Sequence[Any] | None
"""The type of the argument `loss`: one loss, a list or a dict of losses by output, or None."""
LossWeights = float | Sequence[Any] | Mapping[str, Any] | None
"""The type of the argument `loss_weights`: one number, or a list or a dict of numbers."""
Metrics = Sequence[Any] | Mapping[str, Any] | None
"""The type of the argument `metrics`: a list, or a list or a dict of lists by output."""


class LossSpec(NamedTuple):
    """One output of a model with its loss and metrics.

    Attributes:
      number: the output's position in JAX's order.
      name: the output's name, or None.
      has_loss: whether a loss reads it.
      metrics: pairs of log name and metric; these ignore sample weights.
      weighted_metrics: pairs of log name and metric; these use sample weights.
    """

    number: int
    name: str | None
    has_loss: bool = False
    metrics: Pairs = ()
    weighted_metrics: Pairs = ()

    @property
    def called(self) -> str:
        """The output's name in messages."""
        return f"number {self.number}" if self.name is None else repr(self.name)

    @property
    def needs_targets(self) -> bool:
        """Whether anything compares the output with targets."""
        return self.has_loss or bool(self.metrics or self.weighted_metrics)


@dataclasses.dataclass(frozen=True)
class CompileSpec:
    """The losses and metrics given to `compile`, with objects in place of names.

    Attributes:
      loss, loss_weights, metrics, weighted_metrics: one, or lists and dicts of them.
    """

    loss: Any = None
    loss_weights: Any = None
    metrics: Any = ()
    weighted_metrics: Any = ()

    @property
    def is_in_order(self) -> bool:
        """Whether a metric needs the batches one after the other, without filler rows."""
        listed = jax.tree.leaves((self.metrics, self.weighted_metrics))
        return any(getattr(metric, "in_order", False) for metric in listed)

    @property
    def is_for_several(self) -> bool:
        """Whether the arguments fit only a model with several outputs."""
        losses = (self.loss, self.loss_weights)
        named = (self.metrics, self.weighted_metrics)
        return any(isinstance(given, NESTED) and len(given) != 1 for given in losses) or any(
            isinstance(given, dict) and len(given) > 1 for given in named
        )


EMPTY_COMPILE_SPEC = CompileSpec()
"""No loss and no metric, as of a model that is not compiled."""


def parse_compile_args(
    loss: Losses, loss_weights: LossWeights, metrics: Metrics, weighted_metrics: Metrics
) -> CompileSpec:
    """The arguments of `compile`, with every name, class and function replaced by its object.

    Raises:
      TypeError, ValueError: there is no such loss or metric; the message names the argument.
    """
    return CompileSpec(
        _each("loss", loss, losses.get),
        _each("loss_weights", loss_weights, _weight),
        _each("metrics", metrics or (), metrics_.get),
        _each("weighted_metrics", weighted_metrics or (), metrics_.get),
    )


def _each(argument: str, tree: object, get: Callable[[Any], Any]) -> Any:
    if isinstance(tree, dict):
        return {key: _each(argument, item, get) for key, item in tree.items()}
    if isinstance(tree, list | tuple):
        items = [_each(argument, item, get) for item in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)
    try:
        return None if tree is None else get(tree)
    except (TypeError, ValueError) as error:
        raise type(error)(f"`{argument}`: {error}") from None


def _weight(value: SupportsFloat) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, str) or not math.isfinite(number):
        raise WrongTypeError(f"expected a finite number for each loss, got {describe(value)}.")
    return number


def resolve_loss_specs(compile_spec: CompileSpec, structure: Outline) -> tuple[LossSpec, ...]:
    """One `LossSpec` for each output, in JAX's order of the outputs.

    Raises:
      ValueError: an argument does not fit the outputs; the message names the argument.
    """
    terms = resolve_loss_terms(compile_spec.loss, compile_spec.loss_weights, structure)
    with_loss = {number for term in terms for number in jax.tree.leaves(term.place)}
    plain = _metrics("metrics", compile_spec.metrics, structure)
    weighted = _metrics("weighted_metrics", compile_spec.weighted_metrics, structure)
    pairs = [zip(groups, structure.prefixes, strict=True) for groups in (plain, weighted)]
    names = iter(
        metrics_.log_names(
            *([m for group in groups for m in group] for groups in (plain, weighted)),
            outputs=[prefix for each in pairs for group, prefix in each for _ in group],
        )
    )
    named = [[tuple((next(names), m) for m in group) for group in g] for g in (plain, weighted)]
    return tuple(
        LossSpec(
            number=i,
            name=name,
            has_loss=i in with_loss,
            metrics=named[0][i],
            weighted_metrics=named[1][i],
        )
        for i, name in enumerate(structure.names)
    )


def _metrics(argument: str, given: PerOutput | tuple[()], structure: Outline) -> list[list[Metric]]:
    """The metrics of each output; all of them for a model with one."""
    if structure.count == 1:
        if isinstance(given, dict):
            entries = not isinstance(structure.tree, int)
            given = list(spread(argument, given, structure, entries=entries).values())
        return [_flat(given)]
    if not given:
        return [[] for _ in range(structure.count)]
    placed = spread(argument, given, structure, entries=True)
    return [_flat(placed.get(i)) for i in range(structure.count)]


def _flat(tree: Metric | PerOutput | tuple[()] | None) -> list[Metric]:
    if isinstance(tree, list | tuple | dict):
        items = tree.values() if isinstance(tree, dict) else tree
        return [metric for item in items for metric in _flat(item)]
    return [] if tree is None else [tree]


def targets(y: Tree, specs: tuple[LossSpec, ...], structure: Outline) -> tuple[Any, ...]:
    """The targets of each output, None where there are none.

    Args:
      y: an array for a model with one output, or with one that has a loss; a list, tuple or dict
        for several. Outputs whose loss is None may be left out.
      specs: the loss and metrics of each output.
      structure: of the outputs.

    Raises:
      ValueError: the targets do not fit the outputs, or targets that are needed are missing.
    """
    with_loss = [i for i, spec in enumerate(specs) if spec.has_loss]
    if not isinstance(y, list | tuple | dict) and y is not None and len(with_loss) == 1:
        y = [y] if structure.count > 1 else y
    if not isinstance(y, list | tuple | dict):
        if structure.count > 1 and y is not None:
            raise ValueError(
                f"`y`: expected targets for each of the {structure.count} outputs, as a list or "
                f"dict, got {describe(y)}."
            )
        return (y,) * structure.count
    if isinstance(y, list | tuple) and len(y) == len(with_loss) != structure.count:
        placed = dict(zip(with_loss, y, strict=True))
    else:
        placed = spread("y", y, structure)
    for spec in specs:
        if spec.needs_targets and placed.get(spec.number) is None:
            raise ValueError(f"`y`: expected targets for the output {spec.called}, got none.")
    return tuple(placed.get(i) for i in range(structure.count))


def sample_weights(weight: Tree, structure: Outline) -> tuple[Any, ...]:
    """The sample weights of each output: one array counts for all.

    Raises:
      ValueError: the weights do not fit the outputs.
    """
    if isinstance(weight, list | tuple | dict):
        placed = spread("sample_weight", weight, structure)
        return tuple(placed.get(i) for i in range(structure.count))
    if weight is not None and structure.count > 1 and math.prod(weight.shape[1:]) != 1:
        raise ValueError(
            "`sample_weight`: expected one number an example where one array counts for all "
            f"{structure.count} outputs, got {describe(weight)}. Give a list or dict with one "
            "array for each output."
        )
    return (weight,) * structure.count
