"""Hyper-parameters that differ by member: checked, put into optimizer states, given to a step.

The learning rate, momentum and weight decay are arrays of the optimizer's state, for a population
as for a model. A dropout rate, label smoothing and loss weights are numbers in descriptions; while
a step is traced, a `MemberNumber` stands in their place.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jkeras import optimizers
from jkeras.core.errors import WrongTypeError, describe, nearest, value_error
from jkeras.core.freezing import layer_paths
from jkeras.core.trees import Tree, widest_float
from jkeras.layers.regularization import Dropout, SpatialDropout
from jkeras.losses import Loss
from jkeras.trainer.compiling.compilation import Compilation
from jkeras.training.loss_specs import CompileSpec, Losses
from jkeras.training.objective import Objective

IN_OPTIMIZER = ("learning_rate", "momentum", "weight_decay")
IN_PROGRAM = ("dropout", "label_smoothing", "loss_weights")
PLACEHOLDER = 0.5
"""What an optimizer's description says where its state has a number for each member: not 0, which
would leave the number out of the state, and the same for all populations, so that they share
programs."""

Numbers = ArrayLike | Mapping[str, ArrayLike] | None
"""The type of a hyper-parameter: a number for each member, or for all; or a dict of these."""

Range = tuple[str, Callable[[np.ndarray], Any]]

_RANGES: dict[str, Range] = {
    "learning_rate": ("numbers of at least 0", lambda a: a >= 0),
    "momentum": ("numbers in [0, 1]", lambda a: (a >= 0) & (a <= 1)),
    "weight_decay": ("numbers of at least 0", lambda a: a >= 0),
    "dropout": ("numbers in [0, 1)", lambda a: (a >= 0) & (a < 1)),
    "label_smoothing": ("numbers in [0, 1]", lambda a: (a >= 0) & (a <= 1)),
    "loss_weights": ("finite numbers", lambda a: np.ones(a.shape, bool)),
}


class MemberNumber:
    """A number of each member where a description has one for all: its value is known to the
    program alone, where it counts as inside of its range, and as none of the ends.

    Args:
      value: a traced scalar.
      complement: one minus it, rounded once; None to compute it.
    """

    __hash__ = object.__hash__

    def __init__(self, value: object, complement: Tree = None) -> None:
        self._value, self._complement = value, complement

    def __eq__(self, other: object) -> bool:
        return self is other

    def __le__(self, other: object) -> bool:
        return True

    __ge__ = __lt__ = __gt__ = __le__

    def __rsub__(self, other: Tree) -> Any:
        if self._complement is not None and isinstance(other, int | float) and other == 1:
            return self._complement
        return other - self._value

    def __add__(self, other: Tree) -> Any:
        return self._value + other

    def __mul__(self, other: Tree) -> Any:
        return self._value * other

    def __truediv__(self, other: Tree) -> Any:
        return self._value / other

    __radd__, __rmul__ = __add__, __mul__


class Place(NamedTuple):
    """Where a description has a number.

    Attributes:
      owner: the layer, or its cell, which computes with it.
      name: of its attribute.
      path: of the layer in the model.
      layer: the layer.
    """

    owner: Any
    name: str
    path: str
    layer: Any


def checked(who: str, given: Mapping[str, Any], size: int | None) -> dict[str, Any]:
    """The hyper-parameters as float64 arrays with one number a member; a dict of them where the
    user gave a dict.

    Args:
      who: for messages.
      given: lists, arrays or numbers by name; None for one that the members share.
      size: the number of members; None where it is not known.

    Raises:
      TypeError, ValueError: a name is unknown, or the values are no such numbers.
    """
    known = (*IN_OPTIMIZER, *IN_PROGRAM)
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            listed = ", ".join(known)
            raise WrongTypeError(
                f"{who}: unexpected argument `{name}`.{nearest(name, known)} Hyper-parameters that "
                f"may differ by member: {listed}."
            )
        if value is None:
            continue
        if isinstance(value, Mapping):
            if name in IN_OPTIMIZER or not value:
                expected = "a list with a number for each member"
                raise value_error(who=who, argument=name, expected=expected, got=describe(value))
            found[name] = {key: _numbers(who, name, each, size) for key, each in value.items()}
        else:
            found[name] = _numbers(who, name, value, size)
    return found


def _numbers(who: str, name: str, value: object, size: int | None) -> np.ndarray:
    words, accepts = _RANGES[name]
    try:
        numbers = np.asarray("" if isinstance(value, str) else value, np.float64)
    except (TypeError, ValueError):
        numbers = np.asarray("")
    if numbers.dtype.kind != "f" or numbers.ndim > 1:
        raise WrongTypeError(
            f"{who}: `{name}`: expected a list with a number for each member, got "
            f"{describe(value)}."
        )
    if not (np.all(np.isfinite(numbers)) and np.all(accepts(numbers))):
        raise value_error(who=who, argument=name, expected=words, got=describe(value))
    if size is None:
        return numbers
    if numbers.ndim and len(numbers) != size:
        raise value_error(
            who=who,
            argument=name,
            expected=f"a number for each of the {size} members",
            got=f"{len(numbers)} numbers",
            fix="Give one number to let all members share it.",
        )
    return np.array(np.broadcast_to(numbers, (size,)))


def lengths_of(found: Mapping[str, Any]) -> dict[str, int]:
    """The lengths of the lists among checked hyper-parameters, by name."""
    return {
        name: len(leaf)
        for name, value in found.items()
        for leaf in jax.tree.leaves(value)
        if leaf.ndim
    }


# -- in layers and losses


def dropout_places(net: object) -> list[Place]:
    """The dropout rates in a model: those of dropout layers, and those of attention and recurrent
    layers that drop something.
    """
    places, seen = [], set[int]()
    for path, layer in [("", net), *layer_paths(net)]:
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        if isinstance(layer, Dropout | SpatialDropout):
            places.append(Place(layer, "rate", path, layer))
            continue
        owner = getattr(layer, "cell", layer)
        for name in ("dropout", "recurrent_dropout"):
            if isinstance(getattr(owner, name, None), int | float) and getattr(owner, name):
                places.append(Place(owner, name, path, layer))
    return places


def check_dropout(who: str, net: object, value: object) -> None:
    """Raises ValueError where a model has no dropout, or none in a layer that is named."""
    places = dropout_places(net)
    if not places:
        raise value_error(
            who=who,
            argument="dropout",
            expected="a model with a Dropout layer",
            got="one without",
            fix="Put Dropout(0.5) where activations shall be dropped; its rate is replaced.",
        )
    if isinstance(value, Mapping):
        paths = [place.path for place in places]
        for name in value:
            if name not in paths:
                raise ValueError(
                    f"{who}: `dropout`: no layer with dropout is named {name!r}."
                    f"{nearest(str(name), paths)} Layers: {', '.join(paths)}."
                )


def losses_in(spec: Losses) -> list[Any]:
    """The losses of `compile`, in whatever structure."""
    if isinstance(spec, dict):
        return [loss for item in spec.values() for loss in losses_in(item)]
    if isinstance(spec, list | tuple):
        return [loss for item in spec for loss in losses_in(item)]
    return [] if spec is None else [spec]


def check_compiled(who: str, found: Mapping[str, Any], compilation: Compilation) -> None:
    """Raises where the optimizer or the losses do not have the hyper-parameters.

    Args:
      who: for messages.
      found: the checked hyper-parameters.
      compilation: of the template.

    Raises:
      TypeError, ValueError: one is missing; the message says what has it.
    """
    rule = compilation.optimizer
    for name in (name for name in IN_OPTIMIZER if name in found):
        known = isinstance(rule, optimizers.Optimizer) and hasattr(rule, name)
        if not known:
            raise value_error(
                who=who,
                argument=name,
                expected=f"an optimizer of jkeras.optimizers with a `{name}`",
                got=type(rule).__name__,
            )
        if callable(getattr(rule, name)):
            raise value_error(
                who=who,
                argument=name,
                expected="an optimizer with a number",
                got="one with a schedule, which sets the rate at every step",
            )
    losses = losses_in(compilation.compile_spec.loss)
    if "label_smoothing" in found and not any(hasattr(loss, "label_smoothing") for loss in losses):
        raise value_error(
            who=who,
            argument="label_smoothing",
            expected="a loss with label smoothing, such as 'categorical_crossentropy'",
            got=", ".join(getattr(loss, "log_name", type(loss).__name__) for loss in losses),
        )


def with_optimizer_numbers(compilation: Compilation, found: Mapping[str, Any]) -> Any:
    """The compilation with an optimizer that has these hyper-parameters in its state."""
    changes = {name: PLACEHOLDER for name in IN_OPTIMIZER[1:] if name in found}
    if not changes:
        return compilation
    return compilation.with_optimizer(compilation.optimizer.replace(**changes))


def _holds(name: str) -> Callable[[Any], bool]:
    def holds(node: Tree) -> bool:
        hyperparams = getattr(node, "hyperparams", None)
        return isinstance(hyperparams, dict) and name in hyperparams

    return holds


def with_numbers(opt_state: Tree, name: str, numbers: Tree) -> Any:
    """The members' optimizer states with these numbers, one a member."""
    holds = _holds(name)

    def changed(node: Tree) -> Any:
        if not holds(node):
            return node
        old = node.hyperparams[name]
        new = jnp.asarray(np.asarray(numbers), old.dtype)
        return node._replace(hyperparams={**node.hyperparams, name: new})

    return jax.tree.map(changed, opt_state, is_leaf=holds)


def numbers_in(opt_state: Tree, name: str) -> np.ndarray | None:
    """The members' numbers in their optimizer states; None where there are none."""
    holds = _holds(name)
    nodes = [node for node in jax.tree.leaves(opt_state, is_leaf=holds) if holds(node)]
    if not nodes:
        return None
    entry = nodes[0].hyperparams[name]
    return np.asarray(entry.value if hasattr(entry, "value") else entry)


# -- in a program


def program_values(found: Mapping[str, Any]) -> dict[str, Any]:
    """What a program gets of checked hyper-parameters: `Members.hyper`. Of a dropout rate it gets
    the rest, too: computed in float64, it is that which a layer's own rate gives.
    """
    values: dict[str, Any] = {}
    for name in (name for name in IN_PROGRAM if name in found):
        numbers = found[name]
        values[name] = jax.tree.map(_placed, numbers)
        if name == "dropout":
            values["kept"] = jax.tree.map(lambda a: _placed(1 - np.asarray(a)), numbers)
    return values


def _placed(numbers: np.ndarray) -> jax.Array:
    return jnp.asarray(np.asarray(numbers), widest_float())


@contextlib.contextmanager
def injected(objective: Objective, hyper: Mapping[str, Any]) -> Iterator[Objective]:
    """The objective of one member, while a step is traced inside the context.

    Args:
      objective: of the template; its layers are no user's.
      hyper: the numbers of the member, traced scalars, as in `Members.hyper`.
    """
    spec, saved = objective.compile_spec, list[tuple[Any, str, Any]]()
    if "label_smoothing" in hyper:
        spec = dataclasses.replace(spec, loss=_smoothed(spec.loss, hyper["label_smoothing"]))
    if "loss_weights" in hyper:
        spec = dataclasses.replace(spec, loss_weights=hyper["loss_weights"])
    try:
        for place in dropout_places(objective.net) if "dropout" in hyper else ():
            rate, kept = hyper["dropout"], hyper["kept"]
            if isinstance(rate, Mapping):
                if place.path not in rate:
                    continue
                rate, kept = rate[place.path], kept[place.path]
            saved.append((place.owner, place.name, vars(place.owner)[place.name]))
            vars(place.owner)[place.name] = MemberNumber(rate, kept)
        yield dataclasses.replace(objective, compile_spec=spec)
    finally:
        for owner, name, value in saved:
            vars(owner)[name] = value


def _smoothed(losses: Losses, amount: Tree) -> Any:
    """The losses, with a traced label smoothing where they have one."""
    if isinstance(losses, dict):
        return {name: _smoothed(loss, amount) for name, loss in losses.items()}
    if isinstance(losses, list | tuple):
        return type(losses)(_smoothed(loss, amount) for loss in losses)
    if not hasattr(losses, "label_smoothing"):
        return losses
    new = copy.copy(losses)
    vars(new)["label_smoothing"] = MemberNumber(amount)
    return new


def settled(net: object, compile_spec: CompileSpec, found: Mapping[str, Any], member: int) -> Any:
    """Writes one member's dropout rates into layers that are its own; returns the arguments of
    `compile` with its label smoothing and loss weights.
    """
    own = {name: jax.tree.map(lambda a: float(a[member]), value) for name, value in found.items()}
    if "dropout" in own:
        for place in dropout_places(net):
            rate = own["dropout"]
            rate = rate.get(place.path) if isinstance(rate, Mapping) else rate
            if rate is not None:
                vars(place.owner)[place.name] = rate
                if place.name in vars(place.layer):
                    vars(place.layer)[place.name] = rate
    if "label_smoothing" in own:
        loss = _with_smoothing(compile_spec.loss, own["label_smoothing"])
        compile_spec = dataclasses.replace(compile_spec, loss=loss)
    if "loss_weights" in own:
        compile_spec = dataclasses.replace(compile_spec, loss_weights=own["loss_weights"])
    return compile_spec


def _with_smoothing(losses: Losses, amount: float) -> Any:
    if isinstance(losses, dict):
        return {name: _with_smoothing(loss, amount) for name, loss in losses.items()}
    if isinstance(losses, list | tuple):
        return type(losses)(_with_smoothing(loss, amount) for loss in losses)
    if isinstance(losses, Loss) and hasattr(losses, "label_smoothing"):
        return losses.replace(label_smoothing=amount)
    return losses
