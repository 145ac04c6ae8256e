"""What a model is trained for: its loss, optimizer and metrics, and the programs made of them."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax

from jkeras import losses, optimizers
from jkeras.core.errors import describe, named_arguments, nearest
from jkeras.core.one_call import jit_for_one_call
from jkeras.display import size_of
from jkeras.metrics import get as get_metric
from jkeras.trainer import inputs
from jkeras.trainer.placement import ENGINES
from jkeras.trainer.programs import Programs
from jkeras.trainer.values import Holder
from jkeras.trainer.xla import enable_cache
from jkeras.training.objective import Objective
from jkeras.training.steps import make_objective


@dataclasses.dataclass(frozen=True)
class Compilation:
    """What `compile` was told, resolved."""

    optimizer: Any
    transformation: Any
    loss: Any
    metrics: tuple[Any, ...]
    weighted_metrics: tuple[Any, ...]
    eager: bool
    steps_per_execution: int | None
    engine: str


class Compiled(Holder):
    """A holder of values that can be told what to minimise, how, and what to report.

    Args:
      net: anything with the layer contract.
      seed: an integer in [0, 2**32); the next default seed when left out.
      name: shown in summaries and messages.
    """

    def __init__(self, net: Any, *, seed: int | None = None, name: str | None = None) -> None:
        super().__init__(net, seed=seed, name=name)
        self._compilation: Compilation | None = None
        self._made: Programs | None = None
        self._optimizer_met_data = False

    @named_arguments
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Sequence[Any] | None = None,
        weighted_metrics: Sequence[Any] | None = None,
        run_eagerly: bool = False,
        steps_per_execution: int | None = None,
        jit_compile: bool | str = "auto",
        *,
        engine: str = "auto",
    ) -> None:
        """Says what is minimised, how, and what is reported. Weights stay; the optimizer starts
        anew.

        Args:
          optimizer: a name, a `jkeras.optimizers` object, or any optax transformation.
          loss: a name, a `jkeras.losses` object, or a function (y_true, y_pred) -> values per
            example.
          loss_weights: None; a model here has one output, so there is nothing to weigh.
          metrics: names, `jkeras.metrics` objects, or functions like a loss; they ignore sample
            weights.
          weighted_metrics: the same; these use them.
          run_eagerly: run step by step in Python, for a debugger; slow.
          steps_per_execution: fixes how many steps one dispatch has; left out, it adapts.
          jit_compile: False is the same as `run_eagerly=True`.
          engine: where arrays lie while they are trained on: "resident", on the device whole;
            "streaming", on the host and sent in parts; "auto", as the device's memory allows. It
            changes no result.

        Raises:
          TypeError, ValueError: an argument is none of these; the message names the nearest word.
        """
        for name, group in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if group is not None and not isinstance(group, list | tuple):
                raise TypeError(
                    f"compile: `{name}`: expected a list, got {describe(group)}. "
                    f"Write {name}=[...]."
                )
        if loss_weights is not None:
            raise ValueError(
                "compile: `loss_weights`: expected None, because the model has one output, got "
                f"{describe(loss_weights)}. Scale the loss itself, or use `sample_weight` in fit."
            )
        inputs.check_positive("compile", steps_per_execution=steps_per_execution)
        if engine not in ENGINES:
            raise ValueError(
                f"compile: `engine`: expected one of {list(ENGINES)}, got {engine!r}."
                f"{nearest(engine, ENGINES) if isinstance(engine, str) else ''}"
            )
        description = _resolved("optimizer", optimizers.get, optimizer)
        self._compilation = Compilation(
            optimizer=description,
            transformation=optimizers.as_transformation(description),
            loss=None if loss is None else _resolved("loss", losses.get, loss),
            metrics=tuple(_resolved("metrics", get_metric, m) for m in metrics or ()),
            weighted_metrics=tuple(
                _resolved("weighted_metrics", get_metric, m) for m in weighted_metrics or ()
            ),
            eager=run_eagerly or jit_compile is False,
            steps_per_execution=steps_per_execution,
            engine=engine,
        )
        self._optimizer_met_data = False
        self._forget_programs()

    @property
    def optimizer(self) -> Any:
        """The optimizer's description, or the optax transformation that was given."""
        return self._need_compilation("optimizer").optimizer

    @property
    def loss(self) -> Any:
        """The loss that `compile` was given, as an object."""
        return self._need_compilation("loss").loss

    @property
    def metrics_names(self) -> list[str]:
        """The names of the values that `evaluate` returns, in its order."""
        self._need_compilation("metrics_names")
        return self._programs().objective.names

    @property
    def learning_rate(self) -> float:
        """The optimizer's current learning rate. Assigning another costs nothing and recompiles
        nothing.
        """
        rate = optimizers.get_learning_rate(self._need_values().opt_state)
        if rate is None:
            raise AttributeError(
                f"{self._who}: this optax transformation does not tell its learning rate. Wrap it: "
                "optax.inject_hyperparams(optax.adam)(learning_rate=0.001)."
            )
        return float(rate)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        values = self._need_values()
        opt_state = optimizers.set_learning_rate(values.opt_state, value)
        self._values = values.replace(opt_state=opt_state)

    def _objective(self) -> Objective:
        compiled = self._compilation
        if compiled is None:
            return make_objective(self.net)
        return make_objective(
            self.net,
            loss=compiled.loss,
            metrics=compiled.metrics,
            weighted_metrics=compiled.weighted_metrics,
        )

    def _transformation(self) -> Any:
        compiled = self._compilation
        return compiled.transformation if compiled else super()._transformation()

    def _programs(self) -> Programs:
        """The compiled functions, made anew after `compile` and after a change of the net."""
        if self._made is None:
            enable_cache()
            self._made = Programs(self._objective(), self._transformation())
        return self._made

    def _forget_programs(self) -> None:
        """Lets go of the compiled functions, and of values that belong to the old compilation."""
        self._made = None
        if self._values is not None:
            opt_state = jit_for_one_call(self._transformation().init)(self._values.params)
            zeros = self._objective().zeros()
            self._values = self._values.replace(opt_state=opt_state, sums=zeros)

    def _optimizer_size(self) -> Any:
        """What the optimizer carries; None until data is met, when Keras makes its arrays."""
        if not self._optimizer_met_data:
            return None
        return size_of(_counted(self._need_values().opt_state))

    def _need_compilation(self, wanted: str) -> Compilation:
        if self._compilation is None:
            raise ValueError(
                f"{self._who}: `{wanted}` needs a compiled model. "
                "Call compile(optimizer='adam', loss='mse') first."
            )
        return self._compilation

    def _mode(self) -> Any:
        eager = self._compilation is not None and self._compilation.eager
        return jax.disable_jit() if eager else contextlib.nullcontext()


def _resolved(argument: str, get: Callable[[Any], Any], identifier: Any) -> Any:
    """`get(identifier)`, with the argument of `compile` named in its errors."""
    try:
        return get(identifier)
    except (TypeError, ValueError) as error:
        raise type(error)(f"compile: `{argument}`: {error}") from None


def _counted(opt_state: Any) -> list[Any]:
    """The arrays of an optimizer's state that Keras counts: not momentum and other constants."""
    found: list[Any] = []
    for node in jax.tree.leaves(opt_state, is_leaf=_is_optimizer_state):
        if not _is_optimizer_state(node):
            found.append(node)
            continue
        rate = node.hyperparams["learning_rate"]
        found += [node.count, *jax.tree.leaves(node.slots)]
        found += [] if isinstance(rate, optimizers.Scheduled) else [rate]
    return found


def _is_optimizer_state(node: Any) -> bool:
    return isinstance(node, optimizers.OptimizerState)
