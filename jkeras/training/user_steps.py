"""A user's own `train_step`, checked once and wrapped for the library's training loops.

    def train_step(train_state, batch):
        key = step_key(train_state)
        ...
        return train_state.replace(params=..., opt_state=...), {"loss": loss}

A step returns a state of the same structure, shapes and dtypes, and logs: a dict of scalars of its
batch. The logs of an epoch are their means, each batch counted by its examples. The counters
(`step`, `position`, `epoch`) and the run's `key` are kept here, whatever the step returns in them.

Laws: `step_key` gives every step a key of its own; a step sees real examples only, so that the last
batch of an epoch may be smaller; nothing here knows the loss.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.errors import WrongTypeError, describe, type_error
from jkeras.core.keys import Key, child
from jkeras.core.trees import Tree, widest_float
from jkeras.training.finite import SKIPPED
from jkeras.training.loss_specs import EMPTY_COMPILE_SPEC, CompileSpec
from jkeras.training.state import TrainState, fresh

if TYPE_CHECKING:
    from jax.typing import ArrayLike

Logs = dict[str, jax.Array]
Sums = dict[str, Tree]
PARTS = ("params", "state", "opt_state")


@dataclasses.dataclass(frozen=True)
class UserSteps:
    """A user's step functions.

    Attributes:
      train_step: (train_state, batch) -> (train_state, logs).
      init: (key, *specs) -> a `TrainState`, or params alone; None where a net makes them.
      eval_step: (params, state, batch) -> logs, or None.
      predict_step: (params, state, batch) -> outputs, or None.
    """

    train_step: Callable[..., Any]
    init: Callable[..., Any] | None = None
    eval_step: Callable[..., Any] | None = None
    predict_step: Callable[..., Any] | None = None


def step_key(train_state: TrainState) -> Key:
    """The random key of the next step: a function of the run's key and `train_state.step`.

    Example:
      >>> state = make_train_state(jax.random.key(0), {"w": jnp.zeros(3)})
      >>> bool(step_key(state) == step_key(state.replace(step=state.step + 1)))
      False
    """
    return child(child(train_state.key, "step"), train_state.step)


def make_train_state(
    key: Key, params: Tree, *, state: Tree = None, opt_state: Tree = None
) -> TrainState:
    """The values of a run before its first step.

    Args:
      key: the random key of the run.
      params: what is trained: any tree of arrays, such as `{"generator": …, "critic": …}`.
      state: what steps carry beside them; an empty dict when left out.
      opt_state: of the optimizer, or a dict of several; an empty dict when left out.

    Example:
      >>> make_train_state(jax.random.key(0), {"w": jnp.zeros(3)}).params["w"].shape
      (3,)
    """
    state = {} if state is None else state
    return fresh(params, state, {} if opt_state is None else opt_state, {}, key)


@dataclasses.dataclass(frozen=True)
class Means:
    """The means of logs over batches, weighted by their examples.

    Attributes:
      net: the model.
      names: of the logs, in order.
      user_sum_specs: the specs of the sums in the user's own train state, such as those that
        `make_train_step` keeps.
    """

    net: Any
    names: tuple[str, ...] = ()
    user_sum_specs: Any = dataclasses.field(default_factory=dict)

    compile_spec: ClassVar[CompileSpec] = EMPTY_COMPILE_SPEC
    """No loss and no metric, in the place of an `Objective`'s."""

    def zeros(self, batch: Batch | None = None, outputs: Tree = None) -> Sums:
        """The sums before the first batch."""
        del batch, outputs
        none = jax.ShapeDtypeStruct((), widest_float())
        means = {name: {"total": none, "count": none} for name in self.names}
        specs = {"means": means, "own": self.user_sum_specs}
        return jax.tree.map(lambda spec: jnp.zeros(spec.shape, spec.dtype), specs)

    def sums(self, logs: Logs, batch: Batch) -> Sums:
        """The sums of one batch with these logs."""
        leaves = jax.tree.leaves(batch.x)
        size = jnp.asarray(leaves[0].shape[0] if leaves else 1, widest_float())
        means = {
            name: {"total": size * logs[name].astype(widest_float()), "count": size}
            for name in self.names
        }
        return {"means": means, "own": {}}

    def merge(self, a: Sums, b: Sums) -> Sums:
        """The sums of two runs of batches together; of the user's own sums, the second."""
        return {"means": jax.tree.map(jnp.add, a["means"], b["means"]), "own": b["own"]}

    def logs(self, sums: Sums) -> Logs:
        """The means."""
        means = sums["means"]
        return {
            name: means[name]["total"] / jnp.maximum(means[name]["count"], 1) for name in self.names
        }


def user_init_fn(steps: UserSteps) -> Callable[..., TrainState]:
    """The pure function (key, *specs) -> `TrainState` of a user's `init`.

    Raises:
      TypeError: by that function: `init` returned something else than a `TrainState` or a tree of
        arrays.
    """
    init = steps.init
    assert init is not None, "called only where the user gave one"

    def init_train_state(key: Key, *specs: Any) -> TrainState:
        result = init(key, *specs) if _takes(init, len(specs) + 1) else init(key)
        if not isinstance(result, TrainState):
            if isinstance(result, tuple) or not jax.tree.leaves(result):
                raise type_error(
                    argument="init",
                    expected=(
                        "params, or a TrainState made by "
                        "jkeras.training.make_train_state(key, params, opt_state=...)"
                    ),
                    got=describe(result),
                )
            result = make_train_state(key, result)
        sums = {"means": {}, "own": result.sums}
        return jax.tree.map(_strong, result.replace(sums=sums, key=key))

    return init_train_state


def user_sums(train_state: TrainState) -> Any:
    """The sums in the user's own train state."""
    sums = train_state.sums
    return sums["own"] if set(sums) - {SKIPPED} == {"means", "own"} else sums


def _takes(function: Callable[..., Any], count: int) -> bool:
    """Whether a function can be called with so many arguments."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    return True


def _strong(value: ArrayLike) -> jax.Array:
    value = jnp.asarray(value)
    return jax.lax.convert_element_type(value, value.dtype)


def user_train_step_fn(steps: UserSteps, means: Means) -> Callable[..., tuple[TrainState, Logs]]:
    """The user's step with counters and means around it: the step that `training.loops` runs."""

    def train_step(train_state: TrainState, batch: Batch) -> tuple[TrainState, Logs]:
        new, logs = steps.train_step(train_state.replace(sums=user_sums(train_state)), batch)
        logs = {name: jnp.asarray(value) for name, value in logs.items()}
        sums = means.sums(logs, batch) | {"own": jax.tree.map(_strong, new.sums)}
        parts = {name: jax.tree.map(_strong, getattr(new, name)) for name in PARTS}
        train_state = train_state.replace(
            sums=means.merge(train_state.sums, sums),
            step=train_state.step + 1,
            position=train_state.position + 1,
            **parts,
        )
        return train_state, means.logs(sums)

    return train_step


def user_eval_step_fn(steps: UserSteps, means: Means) -> Callable[..., Sums]:
    """The function (params, state, batch) -> sums of one batch, made of the user's `eval_step`."""
    eval_step = steps.eval_step
    assert eval_step is not None, "called only where the user gave one"

    def sums(params: Tree, state: Tree, batch: Batch) -> Sums:
        logs = eval_step(params, state, batch)
        return means.sums({name: jnp.asarray(value) for name, value in logs.items()}, batch)

    return sums


def train_log_names(steps: UserSteps, train_state: TrainState, batch: Batch) -> tuple[str, ...]:
    """The log names of a user's `train_step`, found by tracing it with these specs.

    Raises:
      TypeError: it does not return (train_state, logs), or a log is no scalar.
      ValueError: the new state has another structure, shape or dtype.
    """
    train_state = train_state.replace(sums=user_sums(train_state))
    result = jax.eval_shape(steps.train_step, train_state, batch)
    if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], TrainState)):
        raise WrongTypeError(
            f"`train_step`: expected (train_state, logs), got {_describe(result)}. "
            "Return train_state.replace(params=params, opt_state=opt_state), {'loss': loss}."
        )
    for part in (*PARTS, "sums"):
        _check_alike(part, getattr(train_state, part), getattr(result[0], part))
    return _names("train_step", result[1])


def eval_log_names(steps: UserSteps, train_state: TrainState, batch: Batch) -> tuple[str, ...]:
    """The log names of a user's `eval_step`, as `train_log_names` finds those of `train_step`."""
    assert steps.eval_step is not None, "called only where the user gave one"
    logs = jax.eval_shape(steps.eval_step, train_state.params, train_state.state, batch)
    return _names("eval_step", logs)


def _names(who: str, logs: object) -> tuple[str, ...]:
    """The names of logs, "loss" first and then sorted."""
    if not isinstance(logs, dict) or not all(isinstance(name, str) for name in logs):
        raise WrongTypeError(
            f"`{who}`: expected logs as a dict of names and scalars, got {_describe(logs)}. "
            "Write {'loss': loss}."
        )
    for name, value in logs.items():
        shape = getattr(value, "shape", None)
        if shape != ():
            what = "a structure" if shape is None else f"shape {tuple(shape)}"
            raise WrongTypeError(
                f"`{who}`: expected a scalar for each log, got {what} for {name!r}. "
                "Take the mean over the batch: value.mean()."
            )
    return tuple(sorted(logs, key=lambda name: (name != "loss", name)))


def _check_alike(part: str, old: Tree, new: Tree) -> None:
    """Raises, naming the first leaf that differs, unless a step kept structure and dtypes."""
    difference = trees.first_difference(old, new, lambda x: f"{x.dtype}{list(x.shape)}")
    if difference is not None:
        name, before, after = difference
        where = f"{part}/{name}" if name else part
        raise ValueError(
            f"`train_step`: expected {where} as it was, {before or 'absent'}, got "
            f"{after or 'nothing'}."
        )
    wanted: Any = jax.tree.structure(old)
    given = jax.tree.structure(new)
    if given != wanted:
        raise ValueError(f"`train_step`: expected `{part}` of the structure {wanted}, got {given}.")


def _describe(value: object) -> str:
    """A result of a step in words, for messages; specs stand for arrays."""
    if hasattr(value, "shape"):
        return f"an array of shape {tuple(value.shape)}"
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return type(value).__name__
