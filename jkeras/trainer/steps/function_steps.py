"""A trainer whose steps the user wrote, and everything else of a trainer around them.

    trainer = Trainer(train_step=train_step, init=init)
    trainer.fit(x, y, epochs=5, callbacks=[...])

Where no steps were given, all methods here are those of a trainer with a loss and an optimizer.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax

from jkeras import optimizers
from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.errors import describe
from jkeras.core.keys import Key, child
from jkeras.core.one_call import jit_for_one_call
from jkeras.trainer.compiling.compilation import Compilation
from jkeras.trainer.compiling.programs import Program, Programs
from jkeras.trainer.preflight.plan import Prepared
from jkeras.trainer.state import freezing
from jkeras.trainer.state.xla_cache import enable_cache
from jkeras.training import finite, loops
from jkeras.training.goals import NOTHING, Wanted
from jkeras.training.own import (
    Means,
    OwnSteps,
    eval_log_names,
    make_train_state,
    own_eval_step_fn,
    own_init_fn,
    own_sums,
    own_train_step_fn,
    train_log_names,
)
from jkeras.training.state import TrainState

AS_IT_IS = Compilation(
    optimizer=None,
    transformation=None,
    wanted=NOTHING,
    eager=False,
    steps_per_execution=None,
    engine="auto",
)
"""How steps of one's own run before `compile` says otherwise."""
DEFAULT_OPTIMIZER = optimizers.get("rmsprop")


class Functions:
    """Stands for a net where there are only functions.

    Args:
      steps: the user's.
    """

    def __init__(self, steps: OwnSteps) -> None:
        self._steps = steps

    def __repr__(self) -> str:
        given = [field.name for field in dataclasses.fields(self._steps)]
        return ", ".join(name for name in given if getattr(self._steps, name) is not None)

    def init(self, key: Key, *specs: Any) -> tuple[Any, Any]:
        """The params and the state that the user's `init` makes."""
        made = own_init_fn(self._steps)(key, *specs)
        return made.params, made.state

    def apply(
        self,
        params: Any,
        state: Any,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Any, Any]:
        """The outputs of the user's `predict_step`; None where there is none."""
        del key, training
        if self._steps.predict_step is None:
            return None, state
        x = inputs if len(inputs) > 1 else inputs[0]
        return self._steps.predict_step(params, state, Batch(x)), state


class OwnPrograms(Programs):
    """The compiled functions of a user's steps.

    Args:
      steps: the user's.
      net: the net, or what stands for it.
    """

    def __init__(self, steps: OwnSteps, net: Any) -> None:
        super().__init__(Means(net), None)  # type: ignore[arg-type]  # it does for an objective
        self.pads = False
        self._steps = steps
        self._evaluated = Means(net)
        self._known: dict[Any, tuple[str, ...]] = {}
        if steps.predict_step is not None:
            self.predict_step = steps.predict_step

    def learn_names(self, values: TrainState, batch: Batch, *, training: bool) -> None:
        """Traces a step, once for each shape of batch: what it logs decides what loops carry."""
        find = train_log_names if training else eval_log_names
        specs = trees.specs(batch)
        key = training, jax.tree.structure(specs), tuple(jax.tree.leaves(specs))
        if key not in self._known:
            self._known[key] = find(self._steps, trees.specs(values), specs)
        sums = own_sums(trees.specs(values)) if training else {}
        names = Means(self.objective.net, self._known[key], sums)
        if training and names != self.objective:
            self.objective, self._zeros = names, names.zeros()  # type: ignore[assignment]
        elif not training:
            self._evaluated = names

    def eval_zeros(self) -> Any:
        return self._evaluated.zeros()

    def eval_loop(self, size: int) -> Program:
        step = own_eval_step_fn(self._steps, self._evaluated)
        make = functools.partial(loops.eval_loop, step, self._evaluated)  # type: ignore[arg-type]
        return self._loop("evaluate", size, make, donate_argnums=2)

    def _trained(self) -> Any:
        step = own_train_step_fn(self._steps, self.objective)  # type: ignore[arg-type]
        return finite.skipping(step) if self.skips else step

    def _eval_one(self, params: Any, state: Any, sums: Any, batch: Batch) -> tuple[Any, Any]:
        new = own_eval_step_fn(self._steps, self._evaluated)(params, state, batch)
        sums = self._evaluated.merge(sums, new)
        return sums, self._evaluated.logs(sums)


class Stepped(Prepared):
    """A model that is trained by the steps a user wrote, if any were given.

    Args:
      net: anything with the layer contract, or None.
      seed, name: as for `Trainer`.
      train_step, init, eval_step, predict_step: as for `Trainer`.
    """

    def __init__(
        self,
        net: Any = None,
        *,
        seed: int | None = None,
        name: str | None = None,
        train_step: Callable[..., Any] | None = None,
        init: Callable[..., Any] | None = None,
        eval_step: Callable[..., Any] | None = None,
        predict_step: Callable[..., Any] | None = None,
    ) -> None:
        given = {"init": init, "eval_step": eval_step, "predict_step": predict_step}
        _check_functions(type(self).__name__, net, train_step, given)
        self._steps = None if train_step is None else OwnSteps(train_step, **given)
        self._has_net = net is not None
        if self._steps is not None and net is None:
            net, name = Functions(self._steps), name or "trainer"
        super().__init__(net, seed=seed, name=name)
        if self._steps is not None:
            self._compilation = self._accepted = AS_IT_IS

    def _accept(self, steps: OwnSteps) -> None:
        """Takes what `compile` was told, if it goes with steps of one's own.

        Raises:
          ValueError: it says what the steps say already; what was said before stays.
        """
        compiled = self._need_compilation("compile")
        wanted = [field.name for field in dataclasses.fields(Wanted)]
        given = [name for name in wanted if getattr(compiled.wanted, name) not in (None, (), [])]
        if steps.init is not None and compiled.optimizer not in (None, DEFAULT_OPTIMIZER):
            given.append("optimizer")
        if given:
            self._compilation = self._accepted
            raise ValueError(
                f"{self._who}: compile: expected no `{given[0]}`, because `train_step` is the "
                "trainer's own. Compute it there, and return it in the logs or in `opt_state`."
            )
        self._accepted = compiled

    def _init_fn(self) -> Callable[..., TrainState]:
        """The pure function (key, *specs) -> all values."""
        steps = self._steps
        if steps is None:
            return super()._init_fn()
        if steps.init is not None:
            return own_init_fn(steps)

        def init(key: Key, *specs: Any) -> TrainState:
            params, state = self.net.init(child(key, "params"), *specs)
            return make_train_state(key, params, state=state, opt_state=self._fresh_slots(params))

        return init

    def _fresh_slots(self, params: Any) -> Any:
        made = self._need_compilation("build").transformation
        return {} if made is None else made.init(params)

    def _forget_programs(self) -> None:
        if self._steps is None:
            super()._forget_programs()
            return
        self._accept(self._steps)
        self._made = None
        if self._values is not None and self._steps.init is None:
            slots = jit_for_one_call(self._fresh_slots)(self._values.params)
            self._values = self._values.replace(opt_state=slots)

    def _programs(self) -> Programs:
        if self._steps is None:
            return super()._programs()
        if self._own is not None and freezing.frozen_names(self):
            raise ValueError(
                f"{self._who}: expected no frozen weights, because `train_step` is the trainer's "
                "own and does not know them. Set their gradients to zero there."
            )
        if self._made is None:
            enable_cache()
            self._made = self._told(OwnPrograms(self._steps, self.net))
        return self._made

    def _check_predicts(self, who: str) -> None:
        """Raises where nothing gives outputs."""
        steps = self._steps
        if steps is not None and steps.predict_step is None and not self._has_net:
            raise self._missing(who, "predict_step", "outputs")

    def _check_targets(self, who: str, batch: Batch, size: int) -> None:
        steps = self._steps
        if steps is None:
            super()._check_targets(who, batch, size)
            return
        training = who in ("fit", "train_on_batch")
        if not training and steps.eval_step is None:
            raise self._missing(who, "eval_step", "logs")
        programs = self._programs()
        assert isinstance(programs, OwnPrograms), "made here"
        try:
            specs = trees.specs_of_rows(batch, size)
            programs.learn_names(self._need_values(), specs, training=training)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{who}: {error}") from error
        if training:
            self._match_sums()

    def _missing(self, who: str, function: str, result: str) -> ValueError:
        return ValueError(
            f"{who}: expected a trainer with `{function}`, got none. Give it beside `train_step`: "
            f"Trainer(..., {function}=function), where function(params, state, batch) -> {result}."
        )

    def _log_order(self, logs: dict[str, Any]) -> list[str]:
        """The names of logs in the order in which they are returned as a list."""
        if self._steps is None:
            return self.metrics_names
        return sorted(logs, key=lambda name: (name != "loss", name))

    @property
    def metrics(self) -> list[Any]:
        """What the logs are made of, in Keras's order; nothing with steps of one's own."""
        return [] if self._steps is not None else super().metrics

    @property
    def metrics_names(self) -> list[str]:
        """The names of the values that `evaluate` returns, in its order; with steps of one's own
        those of the logs of the last evaluation or training.
        """
        if self._steps is None:
            return super().metrics_names
        programs = self._programs()
        assert isinstance(programs, OwnPrograms), "made here"
        return list(programs._evaluated.names or programs.objective.names)


def _check_functions(
    who: str, net: Any, train_step: Any, others: dict[str, Callable[..., Any] | None]
) -> None:
    """Raises unless the functions of a trainer go together.

    Raises:
      TypeError: one is no function; something is missing.
    """
    for name, value in {"train_step": train_step, **others}.items():
        if value is not None and not callable(value):
            raise TypeError(f"{who}: `{name}`: expected a function, got {describe(value)}.")
    extra = [name for name, value in others.items() if value is not None]
    if train_step is None and extra:
        raise TypeError(f"{who}: `{extra[0]}`: expected a `train_step` beside it, got none.")
    if train_step is not None and net is None and others["init"] is None:
        raise TypeError(
            f"{who}: expected a `net`, or `init` beside `train_step`: a function (key, *specs) -> "
            "params, or a train state made by jkeras.training.make_train_state."
        )
    if train_step is None and net is None:
        raise TypeError(f"{who}: expected a `net`, or `train_step` and `init`, got neither.")


__all__ = ["Functions", "OwnPrograms", "Stepped"]
