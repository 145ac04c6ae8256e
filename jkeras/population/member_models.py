"""Models and members: the model that members are made like, and members as ordinary models."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, SupportsIndex

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import optimizers
from jkeras.callbacks import History
from jkeras.core import keys
from jkeras.core.errors import WrongTypeError, describe, type_error, value_error
from jkeras.core.trees import Tree
from jkeras.distribution import Distribution
from jkeras.optimizers import OptimizerState
from jkeras.population import hyperparameters
from jkeras.population.values import member_values
from jkeras.trainer.loop.parts import TrainerParts, is_trainer, parts_of
from jkeras.trainer.steps.layer_metrics import held_metrics
from jkeras.trainer.steps.loss_steps import LossSteps
from jkeras.trainer.trainer import Trainer
from jkeras.training.loss_specs import EMPTY_COMPILE_SPEC
from jkeras.training.state import TrainState


def template_of(who: str, model: object) -> Any:
    """A copy of the model that members are made like, or what a function returns.

    Raises:
      TypeError: it is neither, or a model with steps of its own.
    """
    expected = "a model, or a function without arguments that returns one"
    if is_trainer(model):
        made = copy.deepcopy(model)
    elif callable(model):
        made = _called(who, model)
        if not is_trainer(made):
            got = f"a function that returned {describe(made)}"
            raise type_error(who=who, argument="model", expected=expected, got=got)
    else:
        raise type_error(who=who, argument="model", expected=expected, got=describe(model))
    parts = parts_of(made)
    if type(parts.steps) is not LossSteps or held_metrics(parts.state.net):
        raise type_error(
            who=who,
            argument="model",
            expected="a model that is trained by a loss and an optimizer",
            got=f"{parts.state.who} with a `train_step` or with metrics of its own",
            fix="Make members of pure functions with jax.vmap(train_step).",
        )
    return made


def _called(who: str, model_fn: Callable[[], Any]) -> Any:
    """What a function without arguments returns.

    Raises:
      TypeError: it needs some.
    """
    try:
        inspect.signature(model_fn).bind()
    except TypeError as error:
        raise type_error(
            who=who,
            argument="model",
            expected="a function without arguments that returns a model",
            got=f"one with others ({error})",
            fix="What differs by member is an argument of the population: learning_rate=[...]. "
            "The architecture is one for all.",
        ) from None
    except ValueError:  # a signature that cannot be read
        pass
    return model_fn()


def checked_size(who: str, size: object, seeds: object, lengths: Mapping[str, int]) -> int:
    """The number of members.

    Args:
      who: for messages.
      size: as given; None for the length of the lists.
      seeds: as given.
      lengths: of the lists of hyper-parameters, by name.

    Raises:
      TypeError, ValueError: it is no number, or lists have other lengths.
    """
    known = dict(lengths)
    if isinstance(seeds, Iterable) and not isinstance(seeds, str):
        known["seeds"] = len(list(seeds))
    if size is not None:
        if isinstance(size, bool) or not isinstance(size, SupportsIndex):
            got = describe(size)
            raise type_error(who=who, argument="size", expected="a number of members", got=got)
        if size.__index__() < 1:
            raise value_error(who=who, argument="size", expected="at least 1", got=size)
        known = {"size": int(size), **known}
    if not known:
        raise value_error(
            who=who,
            argument="size",
            expected="a number of members, or lists that tell it",
            got="neither",
            fix="Write Population(model, size=8), or learning_rate=[...].",
        )
    if len(set(known.values())) > 1 or 0 in known.values():
        got = ", ".join(f"{name}: {length}" for name, length in known.items())
        fix = "Give each list one entry for each member."
        expected = "lists of one length"
        raise value_error(who=who, argument="size", expected=expected, got=got, fix=fix)
    return next(iter(known.values()))


def checked_seeds(who: str, seeds: object, size: int) -> list[int]:
    """A seed for each member."""
    if seeds is None:
        return [keys.next_seed() for _ in range(size)]
    if isinstance(seeds, str):
        expected = "an integer, or one for each member"
        raise type_error(who=who, argument="seeds", expected=expected, got=describe(seeds))
    given: Sequence[Any] = list(seeds) if isinstance(seeds, Iterable) else [seeds] * size
    return [keys.checked_seed(who, seed) for seed in given]


def check_compile(
    who: str, options: Mapping[str, Any], distribution: Distribution | None, size: int
) -> None:
    """Raises where an option of `compile` is one of single models, or the members cannot be spread
    over the devices.
    """
    singles = {
        "run_eagerly": (False, "members run in one program. Debug one: member(0)"),
        "engine": ("auto", "data lie on the device whole. `Population(engine=)` is another thing"),
    }
    for name, (usual, why) in singles.items():
        if options.get(name, usual) != usual:
            raise ValueError(
                f"{who}: compile: `{name}`: expected {usual!r}, because {why}, got "
                f"{options[name]!r}."
            )
    if options.get("jit_compile", "auto") is False:
        raise ValueError(f"{who}: compile: `jit_compile`: expected 'auto', got False.")
    if options.get("check_nans", False) not in (False, "ignore"):
        raise ValueError(
            f"{who}: compile: `check_nans`: expected False or 'ignore', because steps of all "
            f"members are one, got {options['check_nans']!r}. A member that diverges has NaN in "
            "its logs, and harms no other."
        )
    if distribution is not None and distribution.team.several:
        raise value_error(
            who=f"{who}: compile",
            argument="distribution",
            expected="the devices of one process",
            got=f"{distribution} over several",
            fix="Train other members in each process: each takes its part of the seeds.",
        )
    parts = 1 if distribution is None else distribution.num_model_replicas
    if size % parts:
        fewer = next(n for n in range(parts, 0, -1) if not size % n)
        raise value_error(
            who=f"{who}: compile",
            argument="distribution",
            expected=f"a number of members that is a multiple of the {parts} devices",
            got=size,
            fix=f"Make {size + -size % parts} members, or take fewer devices: "
            f"DataParallel(devices=list_devices()[:{fewer}]).",
        )


def restarted(parts: TrainerParts, values: TrainState) -> TrainState:
    """The members' values for a new compilation: weights stay, optimizers and sums restart.

    Args:
      parts: of the template, compiled and built.
      values: of the members.
    """
    state, steps = parts.state, parts.steps
    assert isinstance(steps, LossSteps), "checked by `template_of`"
    init = functools.partial(optimizers.init_state, steps.transformation)
    opt_state = jax.vmap(init)(steps.objective(state).trained(values.params))
    size = len(values.state.active)
    zeros = jax.tree.map(
        lambda a: jnp.asarray(np.stack([np.asarray(a)] * size)), state.need_values().sums
    )
    return values.replace(opt_state=opt_state, sums=zeros)


def checked_member(who: str, member: object, size: int) -> int:
    """The number of a member; negative ones count from the end.

    Raises:
      TypeError: it is no integer.
      IndexError: there is no such member.
    """
    if isinstance(member, bool) or not hasattr(member, "__index__"):
        raise WrongTypeError(f"{who}: member: expected a number, got {describe(member)}.")
    number = int(member)
    if not -size <= number < size:
        raise IndexError(f"{who}: member: expected 0 to {size - 1}, got {number}.")
    return number % size


def member_model(
    template: Trainer,
    values: TrainState,
    found: Mapping[str, Any],
    seed: int,
    member: int,
    history: History | None,
) -> Any:
    """A member as an ordinary model, with its values, optimizer, hyper-parameters and history.

    Args:
      template: the model that it is made like.
      values: of all members.
      found: the hyper-parameters as they are now, a number for each member by name.
      seed: of the member.
      member: its number.
      history: its own; None before `fit`.
    """
    model = copy.deepcopy(template)
    parts = parts_of(model)
    state, compiled = parts.state, parts.compilation
    state.seed = seed
    spec = EMPTY_COMPILE_SPEC if compiled is None else compiled.compile_spec
    spec = hyperparameters.settled(state.net, spec, found, member)
    state.net = state.net  # another description now: its rates have changed
    if compiled is not None:
        compilation = dataclasses.replace(compiled, compile_spec=spec)
        if isinstance(compiled.optimizer, optimizers.Optimizer):
            names = hyperparameters.IN_OPTIMIZER
            numbers = {n: float(found[n][member]) for n in names if n in found}
            compilation = compilation.with_optimizer(compiled.optimizer.replace(**numbers))
        parts.change_compilation(compilation)
    stored = state.need_values()
    own = member_values(values, member, stored.sums)
    state.replace(own.replace(opt_state=_own_opt_state(parts, own)))
    state.optimizer_met_data = True
    if history is not None:
        history.model = model
        vars(model)["history"] = history
    return model


def _own_opt_state(parts: TrainerParts, values: TrainState) -> Any:
    """The optimizer's state with what the member's optimizer has: where its momentum or its decay
    is 0, it has no such number, and no slot for it, as members have side by side.
    """
    steps = parts.steps
    assert isinstance(steps, LossSteps), "checked by `template_of`"
    trained = steps.objective(parts.state).trained(values.params)
    like = jax.eval_shape(functools.partial(optimizers.init_state, steps.transformation), trained)

    def kept(wanted: Tree, found: Tree) -> Any:
        if not isinstance(wanted, OptimizerState):
            return found
        hyperparams = {name: found.hyperparams[name] for name in wanted.hyperparams}
        slots = {name: found.slots[name] for name in wanted.slots}
        return found._replace(hyperparams=hyperparams, slots=slots)

    return jax.tree.map(
        kept, like, values.opt_state, is_leaf=lambda node: isinstance(node, OptimizerState)
    )


def member_history(
    history: History | None, trained: Sequence[np.ndarray], member: int
) -> History | None:
    """The history of one member: of the epochs in which it was trained, as a single run has it."""
    if history is None:
        return None
    own = History()
    own.data, own.interrupted = history.data, history.interrupted
    recorded: dict[str, Any] = history.history
    for number, active in enumerate(trained):
        if number < len(history.epoch) and active[member]:
            logs = {
                name: values[number][member]
                for name, values in recorded.items()
                if number < len(values) and isinstance(values[number], list)
            }
            own.on_epoch_end(history.epoch[number], logs)
    return own
