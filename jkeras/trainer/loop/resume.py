"""Where a run of `fit` stands, as one value: taken while nothing is under way, and gone on from.

Laws:
  - A run that goes on from a snapshot ends with the bits of one that was never interrupted:
    weights, optimizer, metrics, history, callbacks, whatever the dispatches were.
  - A snapshot is taken when every callback has heard of every step before it, and of none after.
  - A snapshot that does not go with the model or the data is refused before anything is changed.
"""

from __future__ import annotations

import copy
import os
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import trees
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.global_arrays import is_cut, on_host
from jkeras.data.arrays import Arrays
from jkeras.data.positions import Position
from jkeras.data.streams import Stream
from jkeras.saving import runs, weights
from jkeras.trainer.loop.dispatch import floats
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.loop.run import Run
from jkeras.trainer.preflight.data_arguments import Data
from jkeras.trainer.preflight.prepare import lay_out
from jkeras.trainer.state import freezing
from jkeras.training.state import TrainState

if TYPE_CHECKING:
    from jax.typing import ArrayLike

Snapshot = dict[str, Any]


def snapshot(parts: TrainerParts, *, whole: bool = True) -> Snapshot:
    """Everything that a trainer and the run it is in are, in plain containers, numbers and arrays.

    Args:
      parts: the trainer's, built.
      whole: whether values that are cut over processes are gathered; else they stay as they are.
    """
    run, state = parts.run, parts.state

    def kept(leaf: Any) -> Any:
        return leaf if is_cut(leaf) and not whole else _plain(leaf)

    values = {name: kept(leaf) for name, leaf in trees.named_leaves(state.lend()).items()}
    taken: Snapshot = {"format": runs.FORMAT, "values": values, "run": None, "callbacks": []}
    taken |= {"frozen": freezing.flags(state), "calls": state.calls}
    if run is None:
        return taken
    place = {name: getattr(run, name) for name in runs.COUNTS}
    described = {**place, "facts": run.facts, "logs": floats(run.logs), "begun": list(run.begun)}
    position = run.position_fn(run.batch)
    several = parts.team.several and position is not None
    described["position"] = parts.team.collected(position) if several else position
    described["stops"] = run.stops or bool(parts.stop_training)
    states = [[kind, copy.deepcopy(state)] for kind, state in run.callbacks.get_states()]
    return {**taken, "run": described, "callbacks": states}


def read_snapshot(given: object) -> Snapshot:
    """The snapshot that `fit(resume_from=)` names: itself, or what a file or folder holds.

    Raises:
      TypeError: `given` is neither a snapshot nor a path.
      FileNotFoundError, ValueError: there is no such file, or it is damaged.
    """
    if isinstance(given, str | os.PathLike):
        return runs.read(given)
    if isinstance(given, Mapping) and "format" in given:
        return runs.checked("fit: `resume_from`", dict(given))
    raise WrongTypeError(
        "fit: `resume_from`: expected the path of a checkpoint, or what `model.snapshot()` "
        f"returned, got {describe(given)}."
    )


def restored_values(who: str, taken: Snapshot, like: TrainState) -> TrainState:
    """The values of a snapshot, in the structure of a model's own.

    Between two epochs, where the sums of metrics restart, the model may have other metrics.

    Raises:
      ValueError: the values are another model's; the message names the first that differs.
    """
    run = taken["run"]
    values, wanted = dict(taken["values"]), trees.named_leaves(like)
    if run is None or not run["batch"]:
        own = {name: _plain(leaf) for name, leaf in wanted.items() if name.startswith("sums/")}
        old = {name: values.pop(name) for name in list(values) if name.startswith("sums/")}
        values |= old if trees.specs(old) == trees.specs(own) else own
    _compare(_source(who, taken), values, wanted)

    def placed(array: ArrayLike, like: jax.Array) -> jax.Array:
        if jax.dtypes.issubdtype(like.dtype, jax.dtypes.prng_key):
            return jax.random.wrap_key_data(jnp.asarray(array), impl=jax.random.key_impl(like))
        return jnp.asarray(array)

    leaves = [placed(values[name], leaf) for name, leaf in wanted.items()]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def check_place(who: str, taken: Snapshot, facts: dict[str, Any]) -> None:
    """Refuses data by which the batches of the snapshot's epoch would be others; `facts` are of the
    run that is to go on with it.

    Raises:
      ValueError: the epoch was begun with other batches.
    """
    run = taken["run"]
    for name, value in run["facts"].items() if run["batch"] else ():
        if facts.get(name) != value:
            raise ValueError(
                f"{_source(who, taken)}: the run was interrupted in epoch {run['epoch'] + 1}, "
                f"after {run['batch']} steps, and its batches have to be the same now: expected "
                f"{name} {value}, got {facts.get(name)}."
            )


def check_end(who: str, taken: Snapshot, epochs: int | None) -> None:
    """Refuses a run that went further than this one shall.

    Raises:
      ValueError: the snapshot's epoch comes after the last one, `epochs`.
    """
    run = taken["run"]
    least = run["epoch"] + (run["batch"] > 0)
    if epochs is not None and least > epochs:
        raise ValueError(
            f"{_source(who, taken)}: `epochs`: expected at least {least}, because the run to "
            f"go on with is in that epoch, got {epochs}. Each call of `fit` needs a folder of its "
            "own."
        )


def pass_over(
    run: Run,
    data: Data,
    held_out: Data | None,
    limits: tuple[int | None, int | None],
    position: Position | None = None,
) -> None:
    """Brings iterables to where they stood: to their position, where their iterators have a state;
    else what was read of them is read again, in that order.

    An iterable may depend on how often it was started and how much was read of it (a generator, a
    loader with a random generator of its own, or NumPy's, which training and validation share);
    reading again is what is right for all of them.

    Args:
      run: in the place it goes on from.
      data, held_out: training and validation data; arrays need nothing.
      limits: steps of an epoch and of a validation at most.
      position: that of the training data, if they had one.
    """
    is_there = isinstance(data, Stream) and data.restore(position)
    streams = [part for part in (data, held_out) if isinstance(part, Stream)]
    begun = list(zip(streams, run.begun, strict=False))[is_there:]
    for stream in [stream for stream, count in begun if stream.restart(count)]:
        stream.first()
    for epoch in range(run.first, run.epoch):
        if isinstance(data, Stream) and not is_there:
            data.skip_epoch(limits[0])
        if isinstance(held_out, Stream) and not held_out.passes_are_equal:
            if run.validates_fn(epoch):
                held_out.skip_epoch(limits[1])
    if isinstance(data, Stream) and not is_there:
        data.skip_batches(run.batch)


def facts_of(data: Data, size: int, limit: int | None, shuffle: bool) -> dict[str, Any]:
    """What the numbers of batches rest on, for `check_place`."""
    if isinstance(data, Stream):
        return {"steps_per_epoch": limit, "shuffle": data.order_fn is not None, **data.facts}
    assert isinstance(data, Arrays)
    return {
        "examples": data.length,
        "batch_size": size,
        "steps_per_epoch": limit,
        "shuffle": bool(shuffle),
    }


def go_on(
    parts: TrainerParts,
    taken: Snapshot | None,
    data: Data,
    held_out: Data | None,
    limits: tuple[int | None, int | None],
) -> Snapshot | None:
    """Takes up an earlier run, if there is one, after `on_train_begin`.

    Args:
      parts: of a trainer that is in the run that goes on.
      taken: the snapshot that `fit` was given; callbacks may know another one.
      data, held_out: training and validation data.
      limits: steps of an epoch and of a validation at most.

    Returns:
      The snapshot, if it is of the middle of an epoch: then `put_back` is left to do, behind
      `on_epoch_begin`, of which nothing shall be done twice.

    Raises:
      ValueError: the run was another model's or had other data; nothing is changed.
    """
    run, who = parts.run, parts.state.who
    assert run is not None, "fit has made it"
    taken = run.callbacks.earlier_run() if taken is None else taken
    place = "none" if taken is None else str({n: (taken["run"] or {}).get(n) for n in runs.COUNTS})
    fix = "Give all processes the same folder, which all of them see."
    parts.team.agree(who, {"checkpoint": place}, {"checkpoint": fix})
    run.epoch = max(run.first, parts.initial_epoch)
    if taken is None:
        return None
    if taken["run"] is None:
        take_values(parts, taken)
        return None
    check_place(who, taken, run.facts)
    check_end(who, taken, (run.callbacks.params or {}).get("epochs"))
    take_values(parts, taken)
    for name in runs.COUNTS:
        setattr(run, name, taken["run"][name])
    run.logs, run.begun = dict(taken["run"]["logs"]), taken["run"].get("begun", ())
    run.stops = taken["run"]["stops"] and not run.batch
    pass_over(run, data, held_out, limits, _position_here(parts, taken["run"].get("position")))
    if run.batch:
        return taken
    put_back(parts, taken)
    return None


def _position_here(parts: TrainerParts, found: Position | list[Position] | None) -> Any:
    """The position of this process's data; None where as many processes have not written it."""
    members = parts.team.members
    if not parts.team.several:
        return None if isinstance(found, list) else found
    if not isinstance(found, list) or len(found) != len(members):
        return None
    return found[members.index(jax.process_index())]


def put_back(parts: TrainerParts, taken: Snapshot) -> None:
    """Gives the trainer and its callbacks the values they had."""
    assert parts.run is not None, "fit has made it"
    take_values(parts, taken)
    parts.stop_training = taken["run"]["stops"]
    seen: Counter[str] = Counter()
    states: dict[tuple[str, int], Any] = {}
    for kind, state in taken["callbacks"]:
        states[kind, seen[kind]] = copy.deepcopy(state)
        seen[kind] += 1
    parts.run.callbacks.set_states(states)


def take_values(parts: TrainerParts, taken: Snapshot) -> None:
    """Gives the trainer the values of a snapshot, and its layers the flags they had.

    Raises:
      ValueError: the values are another model's; nothing is changed.
    """
    state = parts.state
    with freezing.with_frozen_flags(state, taken.get("frozen")):
        state.replace(restored_values(state.who, taken, state.need_values()))
    if parts.distribution is not None:
        lay_out(state, parts.distribution)
    state.calls = taken.get("calls", 0)


def _source(who: str, taken: Snapshot) -> str:
    """Who complains, and about which file."""
    return f"{who}: {taken['source']}" if "source" in taken else who


def _plain(leaf: ArrayLike) -> np.ndarray:
    """A leaf as a NumPy array of its own; a random key as its numbers."""
    return np.array(on_host(weights.plain(leaf)))


def _compare(who: str, values: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name in [*wanted, *values]:
        if name not in values or name not in wanted:
            has, lacks = ("model", "checkpoint") if name in wanted else ("checkpoint", "model")
            raise ValueError(
                f"{who}: the checkpoint is of another model: the {has} has {name}, and the "
                f"{lacks} does not. Make the model and compile it as in the run that wrote it."
            )
        own = jax.eval_shape(weights.plain, wanted[name])
        if (values[name].shape, values[name].dtype) != (own.shape, own.dtype):
            raise ValueError(
                f"{who}: the checkpoint is of another model: expected {name} of shape "
                f"{own.shape} and dtype {own.dtype}, got {values[name].shape} and "
                f"{values[name].dtype}."
            )
