"""What a model is trained for: its loss, optimizer and metrics, and the programs made of them."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp

from jkeras import optimizers
from jkeras.core.dtype_policy import DTypePolicy
from jkeras.core.errors import describe, named_arguments, nearest
from jkeras.core.freezing import layer_paths
from jkeras.core.one_call import jit_for_one_call
from jkeras.display import size_of
from jkeras.metrics import Mean
from jkeras.models.precision import in_policy
from jkeras.trainer.compiling import live_optimizer, live_parts
from jkeras.trainer.compiling.programs import Programs
from jkeras.trainer.loop import nan_watch
from jkeras.trainer.preflight import data_arguments as inputs
from jkeras.trainer.preflight.placement import ENGINES
from jkeras.trainer.state import freezing
from jkeras.trainer.state import inference_rng as drawn
from jkeras.trainer.state.model_state import Holder
from jkeras.trainer.state.specs import concrete
from jkeras.trainer.state.xla_cache import enable_cache
from jkeras.training.goals import NOTHING, Wanted, wanted
from jkeras.training.objective import Objective, objective_of

AnyPrograms = TypeVar("AnyPrograms", bound=Programs)


@dataclasses.dataclass(frozen=True)
class Compilation:
    """What `compile` was told, resolved."""

    optimizer: Any
    transformation: Any
    wanted: Wanted
    eager: bool
    steps_per_execution: int | None
    engine: str
    scales_loss: bool = True
    on_nan: str = "refuse"

    @property
    def check_nans(self) -> bool:
        """Whether training looks after every step, and stops."""
        return self.on_nan == "stop"

    def refuses_nans(self, who: str) -> bool:
        """Whether the data of this method may not hold NaN or infinity."""
        trains = who in ("fit", "train_on_batch")
        return self.on_nan in ("refuse", "stop") or (self.on_nan == "skip" and not trains)


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
        self._made_before: dict[frozenset[str], Programs] = {}
        self._policy = DTypePolicy("float32")
        self._plain: tuple[Any, Any] = (None, None)
        self._optimizer_met_data = False

    @named_arguments
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Sequence[Any] | dict[str, Any] | None = None,
        weighted_metrics: Sequence[Any] | dict[str, Any] | None = None,
        run_eagerly: bool = False,
        steps_per_execution: int | None = None,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        *,
        engine: str = "auto",
        check_nans: bool | str = False,
    ) -> None:
        """Says what is minimised, how, and what is reported. Weights stay; the optimizer starts
        anew.

        Args:
          optimizer: a name, a `jkeras.optimizers` object, or any optax transformation.
          loss: a name, a `jkeras.losses` object, or a function (y_true, y_pred) -> values per
            example. For a model with several outputs one of these for all, or a list in their
            order or a dict under their names, where None is for an output without a loss.
          loss_weights: what each output's loss is multiplied by in the total, a list or dict (a
            number for a model with one output). Logs show the losses without it.
          metrics: names, `jkeras.metrics` objects, or functions like a loss; they ignore sample
            weights. For several outputs a list with an entry for each, or a dict under their
            names; an entry is a metric, a list of metrics or None.
          weighted_metrics: the same; these use them.
          run_eagerly: run step by step in Python, for a debugger; slow. Arrays in a layer then have
            values; where gradients are taken of them, jkeras.ops.convert_to_numpy(x) shows these.
          steps_per_execution: fixes how many steps one dispatch has; left out, it adapts.
          jit_compile: False is the same as `run_eagerly=True`.
          auto_scale_loss: put a `LossScaleOptimizer` around the optimizer of a model with layers in
            float16.
          engine: where arrays lie while they are trained on: "resident", on the device whole;
            "streaming", on the host and sent in parts; "auto", as the device's memory allows. It
            changes no result.
          check_nans: what is done about NaN and infinity in training.
            False: data that hold any are refused; training itself is not watched.
            True or "stop": besides, the weights and the loss are looked at after every step, and
            where they are not finite an error names the step, and the first layer, loss, gradient
            or update in it that made NaN or infinity. The model keeps what it had before that step.
            "skip": data may hold any; a step whose loss, gradients or new weights are not finite
            changes nothing, and a warning tells after the epoch how many there were.
            "ignore": nothing is looked at, neither data nor steps.

        Raises:
          TypeError, ValueError: an argument is none of these; the message names the nearest word.
        """
        for name, group in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if group is not None and not isinstance(group, list | tuple | dict):
                raise TypeError(
                    f"compile: `{name}`: expected a list, got {describe(group)}. "
                    f"Write {name}=[...]."
                )
        inputs.check_positive("compile", steps_per_execution=steps_per_execution)
        if engine not in ENGINES:
            raise ValueError(
                f"compile: `engine`: expected one of {list(ENGINES)}, got {engine!r}."
                f"{nearest(engine, ENGINES) if isinstance(engine, str) else ''}"
            )
        given = live_optimizer.described(optimizer)
        description = _resolved("optimizer", optimizers.get, given)
        if auto_scale_loss and _in_float16(self.net):
            description = _scaled(description)
        self._compilation = Compilation(
            optimizer=description,
            transformation=optimizers.as_transformation(description),
            wanted=_wanted(self.net, loss, loss_weights, metrics, weighted_metrics),
            eager=run_eagerly or jit_compile is False,
            steps_per_execution=steps_per_execution,
            engine=engine,
            scales_loss=auto_scale_loss,
            on_nan=nan_watch.policy(check_nans),
        )
        self._optimizer_met_data = False
        self._forget_programs()

    @property
    def optimizer(self) -> Any:
        """The optimizer: its description with the learning rate and the count of updates that
        training has (`live_optimizer`); an optax transformation that was given comes back itself.
        """
        return live_optimizer.live(self._need_compilation("optimizer").optimizer, self)

    @property
    def dtype_policy(self) -> DTypePolicy:
        """How the layers compute. Set it to "mixed_bfloat16", and all layers without a `dtype` of
        their own compute in bfloat16, but those that make the outputs; weights stay as they are,
        and so does the optimizer, unless float16 makes it scale the loss.

        Raises:
          TypeError: on assignment: it is no policy, or the model is not made of layers.
          ValueError: on assignment: there is no such policy.
        """
        return self._policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        plain = self._plain[0] if self._plain[1] is self._net else self._net
        try:
            policy = DTypePolicy(value)
            net = plain if policy.name == "float32" else in_policy(plain, policy)
        except (TypeError, ValueError) as error:
            text = str(error).removeprefix("DTypePolicy: `name`: ").removeprefix("in_policy: ")
            raise type(error)(f"{self._who}: `dtype_policy`: {text}") from None
        self._policy, self._plain = policy, (plain, net)
        self._computes_in(net)
        compiled = self._compilation
        if compiled is not None and compiled.scales_loss and _in_float16(net):
            scaled = _scaled(compiled.optimizer)
            if scaled is not compiled.optimizer:
                changed = {"optimizer": scaled, "transformation": scaled}
                self._compilation = dataclasses.replace(compiled, **changed)
                self._forget_programs()

    @property
    def compute_dtype(self) -> str:
        """The name of the dtype that the model's policy computes in."""
        return self._policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The name of the dtype of its weights: "float32"."""
        return self._policy.variable_dtype

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run in Python, for a debugger; set it to change that, for free."""
        return self._need_compilation("run_eagerly").eager

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        compiled = self._need_compilation("run_eagerly")
        if not isinstance(value, bool):
            raise TypeError(
                f"{self._who}: `run_eagerly`: expected True or False, got {describe(value)}."
            )
        self._compilation = dataclasses.replace(compiled, eager=value)

    @property
    def jit_compile(self) -> bool:
        """Whether steps are compiled: the opposite of `run_eagerly`."""
        return not self.run_eagerly

    @jit_compile.setter
    def jit_compile(self, value: bool) -> None:
        self.run_eagerly = not value

    def _computes_in(self, net: Any) -> None:
        self._net, self._made = net, None

    @property
    def loss(self) -> Any:
        """The loss that `compile` was given, as an object, or the list or dict of them."""
        return self._need_compilation("loss").wanted.loss

    @property
    def metrics(self) -> list[Any]:
        """What the logs are made of, as descriptions in Keras's order: the mean of the loss, the
        metrics that `compile` was given, and the means of the losses of several outputs.
        """
        goals = self._known_objective("metrics").goals
        names = self._known_objective("metrics").loss_names
        given = [pair for goal in goals for pair in goal.metrics]
        given += [pair for goal in goals for pair in goal.weighted_metrics]
        return [Mean("loss"), *(metric for _, metric in given), *map(Mean, names)]

    @property
    def metrics_names(self) -> list[str]:
        """The names of the values that `evaluate` returns, in its order."""
        return self._known_objective("metrics_names").names

    def _known_objective(self, wanted: str) -> Objective:
        """The objective with the structure of the outputs, if that can be known."""
        self._need_compilation(wanted)
        self._build_if_known()
        objective = self._programs().objective
        if objective.found is None and self._specs is not None:
            objective = objective.met(self._outputs_of(*map(concrete, self._specs)))
        if objective.found is None and objective.wanted.is_for_several:
            raise ValueError(
                f"{self._who}: `{wanted}` of several outputs are known when the shape of the "
                "inputs is. Call build((None, ...)) first, or fit it."
            )
        return objective

    def _outputs_of(self, *inputs: Any) -> Any:
        """The specs of the outputs for such inputs."""
        return drawn.outputs_of(self, *inputs)

    @property
    def learning_rate(self) -> float:
        """The optimizer's current learning rate. Assigning another costs nothing and recompiles
        nothing.
        """
        description = self._need_compilation("learning_rate").optimizer
        rate: Any = live_optimizer.first_rate(description) if self._values is None else None
        if rate is None:
            rate = optimizers.get_learning_rate(self._need_values().opt_state)
        if rate is None and live_parts.multi_of(description) is not None:
            raise live_parts.no_rate(description, self)
        if rate is None:
            raise AttributeError(
                f"{self._who}: this optax transformation does not tell its learning rate. Wrap it: "
                "optax.inject_hyperparams(optax.adam)(learning_rate=0.001)."
            )
        return float(rate)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        compiled = self._need_compilation("learning_rate")
        if live_parts.multi_of(compiled.optimizer) is not None:
            raise live_parts.no_rate(compiled.optimizer, self)
        ours = optimizers.Optimizer | optimizers.LossScaleOptimizer
        if self._values is None and isinstance(compiled.optimizer, ours):
            changed = live_optimizer.with_rate(compiled.optimizer, value)
            self._compilation = dataclasses.replace(
                compiled, optimizer=changed, transformation=changed
            )
            self._made = None
            return
        values = self._need_values()
        opt_state = optimizers.set_learning_rate(values.opt_state, value)
        self._values = values.replace(opt_state=opt_state)

    def _objective(self) -> Objective:
        compiled = self._compilation
        return objective_of(self.net, NOTHING if compiled is None else compiled.wanted, self._held)

    def _transformation(self) -> Any:
        compiled = self._compilation
        return compiled.transformation if compiled else super()._transformation()

    def _programs(self) -> Programs:
        """The compiled functions, made anew after `compile` and after a change of the net, and for
        every set of frozen weights.
        """
        freezing.take(self)
        if self._made is None:
            enable_cache()
            self._made_before = {}
            self._made = self._told(Programs(self._objective(), self._transformation()))
        return self._made

    def _told(self, programs: AnyPrograms) -> AnyPrograms:
        """New programs, told what `compile` said of NaN."""
        programs.skips = self._compilation is not None and self._compilation.on_nan == "skip"
        return programs

    def _forget_programs(self) -> None:
        """Lets go of the compiled functions, and of values that belong to the old compilation."""
        self._made = None
        if self._values is not None:
            objective = self._objective()
            trained = objective.trained(self._values.params)
            opt_state = jit_for_one_call(self._transformation().init)(trained)
            self._values = self._values.replace(opt_state=opt_state, sums=objective.zeros())
            freezing.noted(self)

    def _optimizer_size(self) -> Any:
        """What the optimizer carries; None until data is met, when Keras makes its arrays."""
        if not self._optimizer_met_data:
            return None
        return size_of(live_optimizer.variables_of(self._need_values().opt_state))

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


def _in_float16(net: Any) -> bool:
    layers = [layer for _, layer in layer_paths(net)] or [net]
    return any(getattr(layer, "dtype", None) == jnp.float16 for layer in layers)


def _scaled(optimizer: Any) -> Any:
    """The optimizer with a scale of the loss; those of optax are left to scale it themselves."""
    ours = isinstance(optimizer, optimizers.Optimizer | optimizers.MultiOptimizer)
    scales = getattr(optimizer, "loss_scale_factor", None)
    return optimizers.LossScaleOptimizer(optimizer) if ours and not scales else optimizer


def _wanted(net: Any, *given: Any) -> Wanted:
    """Losses and metrics as objects that go with the outputs, if the model tells these; errors name
    `compile`.
    """
    try:
        return objective_of(net, wanted(*given)).wanted
    except (TypeError, ValueError) as error:
        raise type(error)(f"compile: {error}") from None


def _resolved(argument: str, get: Callable[[Any], Any], identifier: Any) -> Any:
    """`get(identifier)`, with the argument of `compile` named in its errors."""
    try:
        return get(identifier)
    except (TypeError, ValueError) as error:
        raise type(error)(f"compile: `{argument}`: {error}") from None
