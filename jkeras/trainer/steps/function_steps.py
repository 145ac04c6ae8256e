"""Steps that consist of a user's pure functions.

trainer = Trainer(train_step=train_step, init=init)
trainer.fit(x, y, epochs=5, callbacks=[...])
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from jkeras import optimizers
from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.constants import first_values
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.keys import Key, child
from jkeras.core.trees import Tree
from jkeras.metrics import Metric
from jkeras.trainer.compiling.compilation import Compilation, skips_nans
from jkeras.trainer.compiling.plan import Kind, Plan
from jkeras.trainer.compiling.programs import Programs, StepFunctions
from jkeras.trainer.state.model_state import ModelState
from jkeras.trainer.state.shape_inference import naming_layers
from jkeras.training import finite, steps
from jkeras.training.loss_specs import CompileSpec
from jkeras.training.state import TrainState
from jkeras.training.user_steps import (
    Means,
    UserSteps,
    eval_log_names,
    make_train_state,
    train_log_names,
    user_eval_step_fn,
    user_init_fn,
    user_sums,
    user_train_step_fn,
)

DEFAULT_OPTIMIZER = optimizers.get("rmsprop")


class Functions:
    """The user's functions as a description, for a trainer without a `net`.

    Args:
      functions: the user's functions.
    """

    def __init__(self, functions: UserSteps) -> None:
        self._functions = functions

    def __repr__(self) -> str:
        names = [field.name for field in dataclasses.fields(self._functions)]
        return ", ".join(name for name in names if getattr(self._functions, name) is not None)

    def init(self, key: Key, *specs: Any) -> tuple[Any, Any]:
        """The params and the state of the user's `init`."""
        made = user_init_fn(self._functions)(key, *specs)
        return made.params, made.state

    def apply(
        self,
        params: Tree,
        state: Tree,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Any, Any]:
        """The outputs of the user's `predict_step`; None without one."""
        del key, training
        if self._functions.predict_step is None:
            return None, state
        x = inputs if len(inputs) > 1 else inputs[0]
        return self._functions.predict_step(params, state, Batch(x)), state


class FunctionSteps:
    """Steps that are the user's pure functions.

    Args:
      functions: the user's functions.
      has_net: whether the trainer has a `net`, too.
    """

    def __init__(self, functions: UserSteps, *, has_net: bool) -> None:
        self.compilation: Compilation | None = Compilation()
        self._functions, self._has_net = functions, has_net
        self._names: dict[Kind, tuple[str, ...]] = {}

    @property
    def transformation(self) -> Any:
        """None: the functions keep `opt_state` themselves."""
        return None

    def init_fn(self, state: ModelState) -> Callable[..., TrainState]:
        """The pure function (key, *specs) -> all values: the user's, or that of the description."""
        if self._functions.init is not None:
            return naming_layers(state.net, user_init_fn(self._functions))

        def init(key: Key, *specs: Any) -> TrainState:
            params, carried = state.net.init(child(key, "params"), *specs)
            opt_state = self._first_opt_state(params)
            return make_train_state(key, params, state=carried, opt_state=opt_state)

        return naming_layers(state.net, init)

    def with_rate(self, values: TrainState) -> TrainState:
        """The values as they are: they were made for this model."""
        return values

    def _first_opt_state(self, params: Tree) -> Any:
        transformation = None if self.compilation is None else self.compilation.transformation
        return {} if transformation is None else transformation.init(params)

    def check_compilation(self, state: ModelState, compilation: Compilation) -> None:
        """Raises if an argument of `compile` would have no effect beside the functions.

        Raises:
          ValueError: the message names the argument.
        """
        names = [field.name for field in dataclasses.fields(CompileSpec)]
        spec = compilation.compile_spec
        given = [name for name in names if getattr(spec, name) not in (None, (), [])]
        if self._functions.init is not None:
            given += ["optimizer"] if compilation.optimizer not in (None, DEFAULT_OPTIMIZER) else []
        if given:
            raise ValueError(
                f"{state.who}: compile: expected no `{given[0]}`, because `train_step` is the "
                "trainer's own. Compute it there, and return it in the logs or in `opt_state`."
            )

    def recompiled(self, state: ModelState, values: TrainState) -> TrainState:
        """The values with a new optimizer state, unless `init` makes it."""
        if self._functions.init is not None:
            return values
        return values.replace(opt_state=first_values(self._first_opt_state, values.params))

    def metrics(self, state: ModelState) -> list[Metric]:
        """An empty list: the functions compute their metrics."""
        return []

    def metrics_names(self, state: ModelState) -> list[str]:
        """The names of the logs of the last evaluation or, before one, of training."""
        return list(self._names.get("evaluate") or self._names.get("train", ()))

    def check_predicts(self, who: str, state: ModelState) -> None:
        """Checks that there is a `predict_step` or a `net`.

        Raises:
          ValueError: there is neither.
        """
        if self._functions.predict_step is None and not self._has_net:
            raise _missing(who, "predict_step", "outputs")

    def plan_key(self, state: ModelState, kind: Kind) -> Hashable:
        """An empty key: the functions do not support frozen weights.

        Raises:
          ValueError: there are frozen weights.
        """
        if state.frozen_now():
            raise ValueError(
                f"{state.who}: expected no frozen weights, because `train_step` is the trainer's "
                "own and does not know them. Set their gradients to zero there."
            )
        return None

    def may_pad(self, state: ModelState) -> bool:
        """Never: what the functions do with a row is unknown."""
        return False

    def plan(self, who: str, state: ModelState, kind: Kind, batch: Batch, rows: int) -> Plan:
        """The plan for batches of this structure. The function is traced, because its logs
        determine the carry of the loops.

        Raises:
          TypeError, ValueError: a function is missing, or returns a value of the wrong kind.
        """
        functions, net = self._functions, state.net
        predict = functions.predict_step or steps.predict_step_fn(net)
        if kind == "predict":
            return Plan(kind, Programs(StepFunctions(net, {}, lambda sums: {}, predict)))
        if kind == "evaluate" and functions.eval_step is None:
            raise _missing(who, "eval_step", "logs")
        values = trees.specs(state.need_values())
        find = train_log_names if kind == "train" else eval_log_names
        try:
            names = find(functions, values, trees.specs_of_rows(batch, rows))
        except (TypeError, ValueError) as error:
            raise type(error)(f"{who}: {error}") from error
        self._names[kind] = names
        means = Means(net, names, user_sums(values) if kind == "train" else {})
        skips, train, evaluate = skips_nans(self.compilation), None, None
        if kind == "train":
            step = user_train_step_fn(functions, means)
            train = finite.skipping(step) if skips else step
        else:
            evaluate = steps.summing(means.merge, user_eval_step_fn(functions, means))
        zeros = means.zeros()
        made = StepFunctions(net, zeros, means.logs, predict, train, evaluate, skips=skips)
        return Plan(kind, Programs(made))


def _missing(who: str, function: str, result: str) -> ValueError:
    return ValueError(
        f"{who}: expected a trainer with `{function}`, got none. Give it beside `train_step`: "
        f"Trainer(..., {function}=function), where function(params, state, batch) -> {result}."
    )


def checked_functions(
    who: str,
    net: object,
    train_step: Callable[..., Any] | None,
    others: Mapping[str, Callable[..., Any] | None],
) -> UserSteps | None:
    """The checked functions of a trainer; None if it has none.

    Args:
      who: the class, for messages.
      net: the description, or None.
      train_step: the user's training step, or None.
      others: the user's `init`, `eval_step` and `predict_step`, by name.

    Raises:
      TypeError: a value is not a function, or a function is missing.
    """
    for name, value in {"train_step": train_step, **others}.items():
        if value is not None and not callable(value):
            raise WrongTypeError(f"{who}: `{name}`: expected a function, got {describe(value)}.")
    extra = [name for name, value in others.items() if value is not None]
    if train_step is None and extra:
        raise WrongTypeError(f"{who}: `{extra[0]}`: expected a `train_step` beside it, got none.")
    if train_step is not None and net is None and others["init"] is None:
        raise WrongTypeError(
            f"{who}: expected a `net`, or `init` beside `train_step`: a function (key, *specs) -> "
            "params, or a train state made by jkeras.training.make_train_state."
        )
    if train_step is None and net is None:
        raise WrongTypeError(f"{who}: expected a `net`, or `train_step` and `init`, got neither.")
    return None if train_step is None else UserSteps(train_step, **others)
