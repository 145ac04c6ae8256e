"""`fit`, `evaluate` and `predict` of a population: the loops of the trainer over programs of all.

Data and arguments are checked by the preparation of one model, the template, whose plan is made
into that of the population. Arrays lie on the device whole, since each member has an order of its
own; the batches of an iterable are the same for all members.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from jkeras.callbacks import Callback, CallbackList, History
from jkeras.core.errors import WrongTypeError, describe, value_error
from jkeras.core.session import limited_epochs, limited_steps
from jkeras.core.trees import Tree
from jkeras.data.arrays import Arrays
from jkeras.data.streams import Stream
from jkeras.distribution.steps import whole
from jkeras.population.member_callbacks import (
    OF_ONE_MODEL,
    Clock,
    MemberCallbacks,
    Spread,
    check_knows_members,
)
from jkeras.population.programs import PopulationPrograms
from jkeras.population.values import MemberRows, MemberWeights
from jkeras.trainer.compiling.compilation import check_not_negative, check_positive
from jkeras.trainer.compiling.plan import Kind, Plan
from jkeras.trainer.compiling.programs import Programs
from jkeras.trainer.loop import resume, short_runs
from jkeras.trainer.loop.call import Call
from jkeras.trainer.loop.error_notes import explained
from jkeras.trainer.loop.evaluate import evaluate
from jkeras.trainer.loop.fit import Training, Validation, fit, loaded, validates
from jkeras.trainer.loop.interrupt import Interrupt
from jkeras.trainer.loop.predict import predict
from jkeras.trainer.loop.run import Run
from jkeras.trainer.preflight import data_arguments
from jkeras.trainer.preflight.data_arguments import Data
from jkeras.trainer.preflight.placement import place
from jkeras.trainer.preflight.prepare import Prepared, prepare

Callbacks = Callback | Iterable[Any] | None
ResumeFrom = str | os.PathLike[str] | Mapping[str, Any] | None

if TYPE_CHECKING:
    from jkeras.population.base import PopulationBase

_programs: weakref.WeakKeyDictionary[Programs, dict[Any, PopulationPrograms]]
_programs = weakref.WeakKeyDictionary()


@dataclasses.dataclass(frozen=True)
class FitOptions:
    """The arguments of `Population.fit` beside data and callbacks."""

    batch_size: int | None
    epochs: int
    verbose: int | str
    shuffle: bool
    initial_epoch: int
    steps_per_epoch: int | None
    validation_steps: int | None
    validation_batch_size: int | None
    validation_freq: int | Sequence[int]


def fitted(
    population: PopulationBase,
    given: tuple[Any, Any, Any, Any],
    kept: tuple[Any, float],
    own: dict[str, Any],
    callbacks: Callbacks,
    resume_from: ResumeFrom,
    options: FitOptions,
) -> History:
    """Trains a population; arguments as for `Population.fit`.

    Args:
      population: the population.
      given: `x`, `y`, `sample_weight`, `class_weight`.
      kept: `validation_data`, `validation_split`.
      own: what members have for themselves: `member_weight`, `member_rows`,
        `member_validation_rows`.
      callbacks, resume_from, options: the other arguments.
    """
    parts = population.parts
    compiled = parts.need_compilation("fit")
    _check(options)
    taken = None if resume_from is None else resume.read_snapshot(resume_from)
    training, validation = _data_sets(population, given, kept, own, options)
    data, size, limit = training.data, training.batch_size, limited_steps(options.steps_per_epoch)
    if isinstance(data, Stream):
        data.continues_pass = limit is not None
    steps, epochs = data_arguments.steps_of(data, size, limit), limited_epochs(options.epochs)
    streams = [part for part in (data, validation.data) if isinstance(part, Stream)]
    listed = CallbackList(
        callbacks_of(population, callbacks, options.verbose),
        add_history=True,
        model=population,
        verbose=options.verbose,
        epochs=epochs,
        steps=steps,
    )
    history = listed.history
    assert history is not None, "it was added"
    call = Call(listed, 0, limit, steps, compiled.steps_per_execution)
    call.fix_dispatches(check_nans=False)
    has_validation = validation.data is not None
    run = Run(
        listed,
        facts=resume.facts_of(data, size, limit, options.shuffle),
        first=options.initial_epoch,
        begun=[stream.begun for stream in streams],
        validates_fn=functools.partial(validates, has_validation, options.validation_freq),
    )
    population.reactivate()
    left = max(epochs - options.initial_epoch, 0)
    population.engine.begin(None if steps is None else steps * left)
    with Interrupt() as call.interrupt, parts.running(run, data):
        with explained(parts, "fit", size, call.close):
            fit(parts, training, validation, epochs, call, taken)
    if call.interrupted():
        short_runs.tell_interruption(history, is_rehearsal=False)
        call.interrupt.pass_on()
    return history


def _data_sets(
    population: PopulationBase,
    given: tuple[Any, Any, Any, Any],
    kept: tuple[Any, float],
    own: dict[str, Any],
    options: FitOptions,
) -> tuple[Training, Validation]:
    """What is trained and validated on; arguments as for `fitted`."""
    parts = population.parts
    finite = parts.need_compilation("fit").refuses_nans("fit")
    val_size = options.validation_batch_size or options.batch_size
    sizes = (options.batch_size, val_size)
    data, held_out = loaded(parts, given, kept, finite=finite, shuffle=options.shuffle, sizes=sizes)
    data_arguments.warn_of_batch_size(options.batch_size, data)
    rows = rows_of_members("fit", population, "member_rows", own["member_rows"], data)
    given_rows = own["member_validation_rows"]
    held_out = data if held_out is None and given_rows is not None else held_out
    held_rows = rows_of_members("fit", population, "member_validation_rows", given_rows, held_out)
    weights = weights_of_members("fit", population, own["member_weight"], data)
    training = prepared(population, "fit", data, options.batch_size, "train", rows, weights)
    validation = _validation(population, held_out, val_size, options, held_rows)
    return Training(*training, options.shuffle), validation


def _check(options: FitOptions) -> None:
    check_positive(
        "fit",
        batch_size=options.batch_size,
        steps_per_epoch=options.steps_per_epoch,
        validation_steps=options.validation_steps,
        validation_batch_size=options.validation_batch_size,
    )
    check_not_negative("fit", epochs=options.epochs, initial_epoch=options.initial_epoch)


def _validation(
    population: PopulationBase,
    held_out: Data | None,
    batch_size: int | None,
    options: FitOptions,
    rows: MemberRows | None,
) -> Validation:
    if held_out is None:
        return Validation(None, _no_plan, 0, None)
    who = "fit: `validation_data`"
    data, plan_fn, size = prepared(population, who, held_out, batch_size, "evaluate", rows)
    return Validation(data, plan_fn, size, limited_steps(options.validation_steps))


def _no_plan() -> Plan:
    raise AssertionError("there is no validation")


def evaluated(
    population: PopulationBase,
    given: tuple[Any, Any, Any],
    own: object,
    callbacks: Callbacks,
    options: tuple[int | None, int | str, int | None],
) -> tuple[dict[str, Any], Plan]:
    """The logs of an evaluation, each an array with a number for each member, and the plan."""
    template, parts = population.template_parts, population.parts
    compiled = parts.need_compilation("evaluate")
    batch_size, verbose, steps = options
    check_positive("evaluate", batch_size=batch_size, steps=steps)
    finite, steps = compiled.refuses_nans("evaluate"), limited_steps(steps)
    loading = template.loading(batch_size)
    data = data_arguments.load("evaluate", *given, finite=finite, **loading)
    rows = rows_of_members("evaluate", population, "member_rows", own, data)
    data, plan_fn, size = prepared(population, "evaluate", data, batch_size, "evaluate", rows)
    plan, known = plan_fn(), data_arguments.steps_of(data, size, steps)
    bars = [Spread()] if verbose else []
    listed = CallbackList(
        [callbacks, *bars], model=population, verbose=verbose, epochs=1, steps=known
    )
    call = Call(listed, 0, steps, known, compiled.steps_per_execution)
    with explained(parts, "evaluate", size, call.close):
        logs = evaluate(parts, plan, data, size, call)
    return {name: np.asarray(value) for name, value in logs.items()}, plan


def predicted(
    population: PopulationBase,
    x: Tree,
    callbacks: Callbacks,
    options: tuple[int | None, int | str, int | None],
) -> Any:
    """The outputs of all members, `[members, examples, …]`."""
    template, parts = population.template_parts, population.parts
    batch_size, verbose, steps = options
    check_positive("predict", batch_size=batch_size, steps=steps)
    steps = limited_steps(steps)
    data = data_arguments.load("predict", x, finite=False, **template.loading(batch_size))
    data, plan_fn, size = prepared(population, "predict", data, batch_size, "predict")
    plan, known = plan_fn(), data_arguments.steps_of(data, size, steps)
    listed = CallbackList(callbacks, model=population, verbose=verbose, epochs=1, steps=known)
    call = Call(listed, verbose, steps, known, None)
    with explained(parts, "predict", size, call.close):
        outputs = predict(parts, plan, data, size, call)
    return jax.tree.map(lambda a: np.moveaxis(a, 1, 0), outputs)


# -- data and plans


def prepared(
    population: PopulationBase,
    who: str,
    data: Data,
    batch_size: int | None,
    kind: Kind,
    rows: MemberRows | None = None,
    weights: Tree = None,
) -> tuple[Data, Callable[[], Plan], int]:
    """The data where they will be used, the plan of all members, and the examples in a batch.

    Args:
      population: the population, which is built for the data.
      who: the method that was called, for messages.
      data: as they were loaded.
      batch_size: examples in a batch; None for 32 at most.
      kind: what the data are for.
      rows: the examples that each member sees; None for all.
      weights: `[members, examples]` sample weights; None for those of the data.
    """
    parts = population.template_parts
    count = data.length if isinstance(data, Arrays) else 0
    if isinstance(data, Arrays):
        weight = data.batch.weight if weights is None else weights[0]
        length = count if rows is None else int(np.max(rows.length))
        data = Arrays(data.batch._replace(weight=weight), length)
    found: Prepared = prepare(
        who, parts.state, parts.steps, parts.plans, data, batch_size, None, kind=kind
    )
    population.build_members()
    plan_fn, placed = found.plan_fn, found.data
    if isinstance(placed, Arrays):
        sharding = None if population.distribution is None else whole(population.distribution)
        if kind != "predict":
            population.parts.placed = lies = place(
                Arrays(placed.batch, count), "resident", sharding
            )
            assert isinstance(lies.data, Arrays), "placed as arrays"
            placed = dataclasses.replace(lies.data, length=placed.length)
        placed = _with_own(population, placed, rows, weights)
        if rows is not None:
            _check_fills(who, rows, found)
    return placed, lambda: population_plan(population, plan_fn()), found.size


def _with_own(
    population: PopulationBase, data: Arrays, rows: MemberRows | None, weights: Tree
) -> Arrays:
    """The data with what members have for themselves, in the place of what they share."""
    batch = data.batch
    if rows is not None:
        batch = batch._replace(rows=population.placed_by_member(rows))
    if weights is not None:
        own = MemberWeights(jnp.asarray(np.asarray(weights, np.float32)))
        batch = batch._replace(weight=population.placed_by_member(own))
    return dataclasses.replace(data, batch=batch)


def _check_fills(who: str, rows: MemberRows, found: Prepared) -> None:
    """Raises where members need filler rows, and the model would see them."""
    uneven = len(set(rows.length.tolist())) > 1 or int(rows.length[0]) % found.size
    if uneven and not found.plan.programs.pads:
        raise value_error(
            who=who,
            expected="as many examples for each member, in whole batches, because a layer, loss or "
            "metric of the model looks at whole batches",
            got=f"{sorted(set(rows.length.tolist()))} examples in batches of {found.size}",
        )


def population_plan(population: PopulationBase, plan: Plan) -> Plan:
    """The plan of a population, made of that of its template; kept as long as that is."""
    single, parts = plan.programs, population.template_parts
    engine, spread = population.engine, population.distribution
    names = tuple(sorted(population.need_values().state.hyper))
    key: tuple[Any, ...] = (len(population), names, engine.key, spread)
    if plan.kind != "train":
        key = (*key, engine.chunk_without_training)
    known = _programs.setdefault(single, {})
    if key not in known:
        rule = parts.steps.transformation
        known[key] = PopulationPrograms(single, len(population), rule, engine, spread)
    if plan.kind == "train":
        population.engine = known[key].engine
    if known[key] not in population.programs:
        population.programs.append(known[key])
    return dataclasses.replace(plan, programs=known[key])


def rows_of_members(
    who: str, population: PopulationBase, argument: str, given: object, data: Data | None
) -> MemberRows | None:
    """The examples of each member; None where all see all.

    Raises:
      TypeError, ValueError: they are no lists of numbers of examples, one for each member.
    """
    if given is None:
        return None
    if not isinstance(data, Arrays):
        expected = "None beside an iterable of batches"
        raise value_error(who=who, argument=argument, expected=expected, got=describe(given))
    size, count = len(population), data.length
    if not isinstance(given, Iterable) or isinstance(given, str):
        expected = "a list with the numbers of its examples for each member"
        raise WrongTypeError(f"{who}: `{argument}`: expected {expected}, got {describe(given)}.")
    lists = [np.asarray(each) for each in given]
    if len(lists) != size:
        raise value_error(
            who=who,
            argument=argument,
            expected=f"a list of numbers for each of the {size} members",
            got=f"{len(lists)} lists",
        )
    index = np.zeros((size, max((len(each) for each in lists if each.ndim == 1), default=1)))
    for member, each in enumerate(lists):
        if each.ndim == 1 and each.dtype == bool and len(each) == count:
            each = np.flatnonzero(each)
        fits = each.ndim == 1 and len(each) and each.dtype.kind in "iu"
        if not fits or each.min() < 0 or each.max() >= count:
            raise value_error(
                who=who,
                argument=argument,
                expected=f"numbers from 0 to {count - 1}, or a mask of {count}, for each member",
                got=f"{describe(each)} for member {member}",
            )
        lists[member] = each
        index[member, : len(each)] = each
    lengths = np.asarray([len(each) for each in lists], np.int32)
    return MemberRows(index.astype(np.int32)[:, : lengths.max()], lengths)


def weights_of_members(
    who: str, population: PopulationBase, given: ArrayLike | None, data: Data
) -> Any:
    """The sample weights of each member, `[members, examples]`; None where all share them.

    Raises:
      ValueError: the shape is another.
    """
    if given is None:
        return None
    size = len(population)
    count = data.length if isinstance(data, Arrays) else None
    shape = np.shape(given)
    if count is None or shape != (size, count):
        raise value_error(
            who=who,
            argument="member_weight",
            expected=f"an array [members, examples], {(size, count)}"
            if count is not None
            else "None beside an iterable of batches",
            got=describe(given),
        )
    if isinstance(data, Arrays) and data.batch.weight is not None:
        raise value_error(
            who=who,
            argument="member_weight",
            expected="None beside `sample_weight` and `class_weight`",
            got="both",
            fix="Multiply them.",
        )
    weights = np.asarray(given, np.float32)
    if not np.all(np.isfinite(weights)):
        expected = "finite numbers"
        raise value_error(who=who, argument="member_weight", expected=expected, got="others")
    return weights


def callbacks_of(population: PopulationBase, given: Callbacks, verbose: int | str) -> list[Any]:
    """The callbacks of a run: those of one model in copies for each member."""
    found: list[Any] = [Clock(population)]
    for each in CallbackList(given).callbacks:
        check_knows_members(each)
        is_of_one = isinstance(each, OF_ONE_MODEL)
        found.append(MemberCallbacks(each, population) if is_of_one else each)
    if verbose and not CallbackList(given).draws_progress:
        found.append(Spread())
    return found
