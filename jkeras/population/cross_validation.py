"""Cross-validation: a population whose members are trained on different parts of the data."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from jkeras.callbacks import History
from jkeras.core import keys
from jkeras.core.errors import (
    WrongTypeError,
    describe,
    named_arguments,
    nearest,
    type_error,
    unexpected_arguments,
    value_error,
)
from jkeras.core.trees import Tree
from jkeras.population.population import Population

if TYPE_CHECKING:
    from jax.typing import ArrayLike

Folds = list[tuple[np.ndarray, np.ndarray]]


class CrossValidation(NamedTuple):
    """What `cross_validate` gives.

    Attributes:
      scores: the loss and the metrics of each member on its own fold, `[folds]` by name.
      folds: for each member the numbers of the examples it was trained and validated on.
      population: the members.
      history: of the training, with the validation of each member on its fold as `val_…`.
    """

    scores: dict[str, np.ndarray]
    folds: Folds
    population: Population
    history: History

    def __repr__(self) -> str:
        found = [f"{name} {self.mean(name):.4g} ± {self.std(name):.2g}" for name in self.scores]
        return f"<CrossValidation: {len(self.folds)} folds, {', '.join(found)}>"

    def mean(self, metric: str = "loss") -> float:
        """The mean of a score over the folds.

        Raises:
          ValueError: there is no such score.
        """
        return float(np.mean(self._scores_of(metric)))

    def std(self, metric: str = "loss") -> float:
        """The standard deviation of a score over the folds; errors as for `mean`."""
        return float(np.std(self._scores_of(metric)))

    def _scores_of(self, metric: str) -> np.ndarray:
        if metric not in self.scores:
            known = list(self.scores)
            near = f"Did you mean {metric[4:]!r}?" if metric[4:] in known else ""
            raise value_error(
                who="CrossValidation",
                argument="metric",
                expected=f"one of the scores, {known}",
                got=repr(metric),
                fix=near or nearest(metric, known).strip(),
            )
        return self.scores[metric]

    def predict(self, x: Tree, batch_size: int | None = None) -> Any:
        """For the examples that were given, the outputs of the member that was not trained on
        each: `[examples, …]`. Zeros for an example in no fold.
        """
        outputs = self.population.predict(x, batch_size, verbose=0, members=True)

        def own(leaf: np.ndarray) -> np.ndarray:
            held = np.zeros(leaf.shape[1:], leaf.dtype)
            for member, (_, rows) in enumerate(self.folds):
                held[rows] = leaf[member][rows]
            return held

        return jax.tree.map(own, outputs)


@named_arguments
def cross_validate(
    model: object,
    x: Tree,
    y: Tree = None,
    *,
    folds: int | Iterable[tuple[ArrayLike, ArrayLike]] = 5,
    seed: int = 0,
    population: dict[str, Any] | None = None,
    batch_size: int | None = None,
    verbose: int | str = 0,
    **fit_options: Any,
) -> CrossValidation:
    """Trains one member for each fold on all other folds, and validates it on its own, in one
    program.

    Args:
      model: a compiled model; it is left as it is.
      x, y: all examples, as arrays.
      folds: their number, at least 2; or pairs of the numbers of the examples for training and
        validation, as scikit-learn's splitters give them; or such a splitter, whose `split` gets
        the first array of `x`, and `y`.
      seed: of the shuffled division into folds, and of the members' weights, which are all the same
        at first.
      population: further arguments of `Population`.
      batch_size, verbose, **fit_options: as for `Population.fit`, such as `epochs=`.

    Raises:
      TypeError, ValueError: the model is not compiled, or the folds do not go with the data.

    Example:
      >>> import jkeras
      >>> model = jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(1)])
      >>> model.compile("sgd", "mse")
      >>> x = np.linspace(0, 1, 24, dtype="float32").reshape(12, 2)
      >>> found = cross_validate(model, x, x.sum(1), folds=3, epochs=2)
      >>> found.scores["loss"].shape, [len(held) for _, held in found.folds]
      ((3,), [4, 4, 4])
    """
    who = "cross_validate"
    own = (
        *inspect.signature(cross_validate).parameters,
        *inspect.signature(Population.fit).parameters,
    )
    known = dict.fromkeys(name for name in own if name not in ("self", "fit_options"))
    if wrong := unexpected_arguments(who, fit_options, known):
        raise wrong
    leaves = jax.tree.leaves(x)
    if not leaves or not all(np.ndim(leaf) for leaf in leaves):
        raise WrongTypeError(f"{who}: `x`: expected arrays of examples, got {describe(x)}.")
    if hasattr(folds, "split") and not isinstance(folds, str | type):
        folds = folds.split(leaves[0], y)
    seed = keys.checked_seed(who, seed)
    pairs = checked_folds(who, folds, len(leaves[0]), seed)
    if not isinstance(population, dict | None) or "size" in (population or {}):
        raise type_error(
            who=who,
            argument="population",
            expected="a dict of arguments of Population, without `model` and `size`, which are "
            "those of the folds",
            got=describe(population),
        )
    options = {"seeds": seed, "name": who, **(population or {})}
    members = Population(model, len(pairs), **options)
    if not members.compiled:
        raise value_error(
            who=who,
            argument="model",
            expected="a compiled model",
            got="one that is not",
            fix="Call model.compile(optimizer='adam', loss='mse') first.",
        )
    held = [rows for _, rows in pairs]
    history = members.fit(
        x,
        y,
        batch_size,
        verbose=verbose,
        member_rows=[rows for rows, _ in pairs],
        member_validation_rows=held,
        **fit_options,
    )
    scores = members.evaluate(x, y, batch_size, verbose=0, return_dict=True, member_rows=held)
    return CrossValidation(scores, pairs, members, history)


def checked_folds(who: str, folds: object, count: int, seed: int) -> Folds:
    """The examples of each member for training and validation.

    Args:
      who: for messages.
      folds: as for `cross_validate`.
      count: the number of examples.
      seed: of the division.

    Raises:
      TypeError, ValueError: they are no folds.
    """
    if isinstance(folds, bool) or isinstance(folds, str):
        raise WrongTypeError(f"{who}: `folds`: expected a number, got {describe(folds)}.")
    if hasattr(folds, "__index__"):
        number = int(folds)
        if not 2 <= number <= count:
            raise value_error(
                who=who, argument="folds", expected=f"2 to {count}, the examples", got=number
            )
        parts = np.array_split(np.random.default_rng(seed).permutation(count), number)
        return [
            (np.sort(np.concatenate([*parts[:n], *parts[n + 1 :]])), np.sort(parts[n]))
            for n in range(number)
        ]
    pairs = list(folds) if isinstance(folds, Iterable) else None
    if not pairs or not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs):
        raise WrongTypeError(
            f"{who}: `folds`: expected a number, or pairs of numbers of examples, got "
            f"{describe(folds)}."
        )
    return [(np.asarray(train), np.asarray(held)) for train, held in pairs]
