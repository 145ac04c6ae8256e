"""One pass over examples that gives everything a report needs: outputs, losses, logs.

    examined = examine(model, "report", x, y)
    examined.losses                 one number an example
    examined.results                what `evaluate(x, y, return_dict=True)` returns

Laws: the logs are those of `evaluate`; the network runs once for each batch; weights, optimizer and
the sums of metrics stay as they are.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.batch import Batch
from jkeras.core.errors import WrongTypeError
from jkeras.core.global_arrays import on_host
from jkeras.core.trees import Tree, widest_float
from jkeras.data.arrays import Arrays
from jkeras.data.streams import Stream, padded
from jkeras.losses import Dice, Loss, Tversky
from jkeras.losses.reduction import aligned, divide_or_zero
from jkeras.losses.registry import ByShape, resolve
from jkeras.trainer.compiling.compilation import check_positive
from jkeras.trainer.compiling.programs import Programs
from jkeras.trainer.loop.dispatch import floats
from jkeras.trainer.loop.error_notes import explained
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.preflight import data_arguments
from jkeras.trainer.preflight.data_arguments import Examples
from jkeras.trainer.state.inference_rng import with_inference_rng
from jkeras.training.inference_key import state_and_key, with_batch_key
from jkeras.training.objective import Objective, Part, objective_of


class ExaminedOutput(NamedTuple):
    """One output of a model for some examples.

    Attributes:
      name: of the output; None for one without a name.
      y: `[examples, ...]` targets; None where nothing compares the output with targets.
      outputs: `[examples, ...]`.
      mask: bool, `[examples, ...]`, the mask of the outputs; None for none.
      loss: the loss of this output alone; None for none, or several.
      losses: `[examples]`, its values, neither weighted nor reduced; None without a loss.
    """

    name: str | None
    y: np.ndarray | None
    outputs: np.ndarray
    mask: np.ndarray | None
    loss: Loss | None
    losses: np.ndarray | None


class Examined(NamedTuple):
    """Examples with what a model makes of them.

    Attributes:
      x: the inputs, as the model takes them.
      predictions: the outputs, in the structure that the model returns.
      outputs: the outputs one by one, in JAX's order.
      losses: `[examples]`, the total without penalties; None where no loss has a value an example.
      results: the logs of an evaluation.
    """

    x: Tree
    predictions: Any
    outputs: list[ExaminedOutput]
    losses: np.ndarray | None
    results: dict[str, float]


def examine(
    parts: TrainerParts,
    who: str,
    x: Examples,
    y: Tree = None,
    sample_weight: Tree = None,
    batch_size: int | None = None,
) -> Examined:
    """The outputs, the losses and the logs for some data.

    Args:
      parts: of a compiled trainer.
      who: the method that was called, for messages.
      x, y, sample_weight: data, as for `evaluate`; batches of an iterable are joined.
      batch_size: examples at a time, 32 when left out.

    Raises:
      TypeError, ValueError: the model is not compiled or has no outputs, or the data do not go with
        it.
    """
    state = parts.state
    compiled = parts.need_compilation(who)
    if not state.has_call:
        raise ValueError(f"{state.who}: {who}: expected a model with `call`, which gives outputs.")
    parts.steps.check_predicts(who, state)
    check_positive(who, batch_size=batch_size)
    finite = compiled.refuses_nans(who)
    options = parts.loading(batch_size) | {"finite": finite}
    data = data_arguments.load(who, x, y, sample_weight, **options)
    if isinstance(data, Stream):
        data = _joined(who, data)
    data, plan, _, size = parts.prepare(who, data, batch_size, kind="evaluate")
    assert isinstance(data, Arrays), "joined above"
    functions = plan.programs.functions
    objective = functions.objective or objective_of(state.net, compiled.compile_spec, state.held)
    step = _step_of(plan.programs, objective)
    values = state.need_values()
    carried = with_inference_rng(state, values)
    sums, found = functions.zeros, []
    with parts.mode(), explained(parts, who, size):
        for number, batch in enumerate(_batches(data, size, functions.pads)):
            at = with_batch_key(carried, number)
            sums, outputs, mask, losses = step(values.params, at, sums, batch)
            found.append(jax.tree.map(on_host, (outputs, mask, losses)))
        results = floats(functions.logs(sums))
    predictions, mask, losses = jax.tree.map(
        lambda *leaves: np.concatenate(leaves)[: data.length], *found
    )
    return _sorted_out(objective, data.batch, predictions, mask, losses, results)


def _sorted_out(
    objective: Objective,
    batch: Batch,
    predictions: Tree,
    mask: Tree,
    losses: Sequence[np.ndarray | None],
    results: dict[str, float],
) -> Examined:
    """Everything at its output."""
    objective = objective.resolved_for(predictions)
    terms = objective.loss_terms
    total: Any = None
    for term, values in zip(terms, losses, strict=True):
        if values is None:
            total = None
            break
        weighted = values * np.float32(1 if term.weight is None else term.weight)
        total = weighted if total is None else total + weighted
    outputs = []
    for part in objective.parts(batch, predictions, mask):
        own = [i for i, term in enumerate(terms) if term.number == part.spec.number]
        one = own[0] if len(own) == 1 else None
        loss = None if one is None else _known(terms[one].loss, part)
        outputs.append(
            ExaminedOutput(
                name=part.spec.name,
                y=None if part.y is None else np.asarray(part.y),
                outputs=part.outputs,
                mask=part.mask,
                loss=loss,
                losses=None if one is None else losses[one],
            )
        )
    return Examined(batch.x, predictions, outputs, total, dict(sorted(results.items())))


_steps: weakref.WeakKeyDictionary[Programs, Any] = weakref.WeakKeyDictionary()
"""The compiled pass of each plan's programs, so that a second report compiles nothing."""


def _step_of(programs: Programs, objective: Objective) -> Callable[..., Any]:
    """The compiled function (params, state, sums, batch) -> sums, outputs, mask, and for each loss
    of the total its values, `[batch]`.
    """
    known = _steps.get(programs)
    if known is None:
        evaluate = programs.functions.evaluate
        assert evaluate is not None, "the plan is for evaluations"

        def step(params: Tree, state: Tree, sums: Tree, batch: Batch) -> Any:
            sums = evaluate(params, state, sums, batch)
            plain, key = state_and_key(state)
            # The compiler sees that this is the network that `evaluate` has run.
            outputs, _, mask = objective.outputs(params, plain, batch, key, False)
            return sums, outputs, mask, list(_losses(objective, batch, outputs, mask))

        known = _steps[programs] = jax.jit(step)
    step_fn: Callable[..., Any] = known
    return step_fn


def _losses(
    objective: Objective, batch: Batch, outputs: Tree, mask: Tree
) -> Iterator[jax.Array | None]:
    resolved = objective.resolved_for(outputs)
    parts = resolved.parts(batch, outputs, mask)
    for term in resolved.loss_terms:
        part = None if term.number is None else parts[term.number]
        if part is None or part.y is None:
            yield None
        else:
            yield _values(_known(term.loss, part), part, batch.rows)


def _known(loss: Loss, part: Part) -> Loss:
    """The loss that the shapes call for."""
    return resolve(loss.word, part.y, part.outputs) if isinstance(loss, ByShape) else loss


def _values(loss: Loss, part: Part, rows: jax.Array | None) -> jax.Array:
    """The loss of each example: the mean of its values that count."""
    y, outputs = jnp.asarray(part.y), part.outputs
    if isinstance(loss, Dice | Tversky) or loss.looks_across(y, outputs):
        # One number for a batch: then that of each example as a batch.

        def of_one(y: jax.Array, outputs: jax.Array) -> jax.Array:
            return jnp.mean(loss.values(y[None], outputs[None]))

        each: jax.Array = jax.vmap(of_one)(y, outputs)
        return each.astype(widest_float())
    values, counted = loss.counted_values(y, outputs, rows)
    values = values.astype(widest_float())
    axes = tuple(range(1, values.ndim))
    if part.mask is not None:
        mask = aligned("mask", part.mask.astype(bool), values)
        counted = mask if counted is None else mask & aligned("valid", counted, values)
    if counted is None:
        return values.mean(axes)
    counted = jnp.broadcast_to(aligned("valid", counted, values), values.shape)
    total = jnp.where(counted, values, 0).sum(axes)
    return divide_or_zero(total, counted.sum(axes).astype(total.dtype))


def _batches(data: Arrays, size: int, pads: bool) -> Iterator[Batch]:
    """The batches; the last one is filled up where the model leaves filler rows alone."""
    for start in range(0, data.length, size):
        batch = data.part(start, min(start + size, data.length)).batch
        yield padded(batch, size) if pads else batch


def _joined(who: str, stream: Stream) -> Arrays:
    """All batches of an iterable, which is read to its end."""
    stream.pads = False
    batches = [Batch(batch.x, batch.y, batch.weight) for batch in stream.epoch()]
    if not batches:
        raise ValueError(f"{who}: `x`: expected at least one batch, got an iterable without any.")
    try:
        joined = jax.tree.map(lambda *leaves: np.concatenate(leaves), *batches)
    except ValueError as error:
        raise WrongTypeError(
            f"{who}: `x`: expected batches whose examples have one shape, so that they can be "
            f"joined: {error}. Pad them: jkeras.utils.pad_sequences."
        ) from None
    return Arrays(joined, len(jax.tree.leaves(joined.x)[0]))
