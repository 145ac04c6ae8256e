"""`compile`, and the attributes that show its arguments, as in Keras."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from jkeras import losses, optimizers
from jkeras.core.dtype_policy import DTypePolicy, floating_policy
from jkeras.core.errors import WrongTypeError, describe, named_arguments, nearest, said_by
from jkeras.core.layer import ACTIVITY_LOSS
from jkeras.core.platform import check_platform
from jkeras.core.processes import print_text
from jkeras.core.trees import Tree, path_names
from jkeras.keras_classes import optimizer_view
from jkeras.metrics import Metric
from jkeras.models.precision import in_policy
from jkeras.trainer.compiling.compilation import (
    ENGINES,
    Compilation,
    check_positive,
    in_float16,
    nan_policy,
    resolved_distribution,
    with_loss_scale,
)
from jkeras.trainer.files import configurations
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.reports.explain import explanation
from jkeras.training.loss_specs import Losses, LossWeights, parse_compile_args
from jkeras.training.objective import objective_of


class CompileMixin:
    """The compilation of a trainer; `_trainer_parts.compilation` has it."""

    _trainer_parts: TrainerParts

    @named_arguments
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Losses = None,
        loss_weights: LossWeights = None,
        metrics: Sequence[Any] | dict[str, Any] | None = None,
        weighted_metrics: Sequence[Any] | dict[str, Any] | None = None,
        run_eagerly: bool = False,
        steps_per_execution: int | None = None,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        *,
        engine: str = "auto",
        check_nans: bool | str = False,
        distribution: Any = None,
    ) -> None:
        """Sets the optimizer, the losses and the metrics. Weights stay; the optimizer's state
        restarts.

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
          distribution: the devices that the model runs on: a `jkeras.distribution`; "data", every
            device with a part of each batch; "fsdp", besides with a part of the weights; "auto",
            "data" where there are several devices. Left out, what
            `jkeras.distribution.set_distribution` says. It changes no result.

        Raises:
          TypeError, ValueError: an argument is none of these; the message names the nearest word.
        """
        net, optimizer = self._trainer_parts.state.net, optimizer_view.description_of(optimizer)
        for name, group in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if group is not None and not isinstance(group, list | tuple | dict):
                fix = f"Write {name}=[...]."
                raise WrongTypeError(
                    f"compile: `{name}`: expected a list, got {describe(group)}. {fix}"
                )
        check_positive("compile", steps_per_execution=steps_per_execution)
        if engine not in ENGINES:
            raise ValueError(
                f"compile: `engine`: expected one of {list(ENGINES)}, got {engine!r}."
                f"{nearest(engine, ENGINES) if isinstance(engine, str) else ''}"
            )
        try:
            optimizer = optimizers.get(optimizer)
        except (TypeError, ValueError) as error:
            raise type(error)(f"compile: `optimizer`: {error}{_swapped(optimizer)}") from None
        if auto_scale_loss and in_float16(net):
            optimizer = with_loss_scale(optimizer)
        transformation = optimizers.as_transformation(optimizer)
        try:  # checked against the outputs, where the description has them
            spec = parse_compile_args(loss, loss_weights, metrics, weighted_metrics)
            spec = objective_of(net, spec).compile_spec
        except (TypeError, ValueError) as error:
            raise type(error)(f"compile: {error}") from None
        self._trainer_parts.recompile(
            Compilation(
                optimizer,
                transformation,
                compile_spec=spec,
                eager=run_eagerly or jit_compile is False,
                steps_per_execution=steps_per_execution,
                engine=engine,
                scales_loss=auto_scale_loss,
                on_nan=nan_policy(check_nans),
                distribution=resolved_distribution(distribution),
            )
        )

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._trainer_parts.compilation is not None

    @property
    def optimizer(self) -> Any:
        """The optimizer: its description with the learning rate and the count of updates that
        training has (`optimizer_view`); an optax transformation that was given comes back itself.
        """
        compiled = self._trainer_parts.need_compilation("optimizer")
        return optimizer_view.view_of(compiled.optimizer, self._trainer_parts)

    @property
    def learning_rate(self) -> float:
        """The optimizer's current learning rate. Assigning another costs nothing and recompiles
        nothing.
        """
        return optimizer_view.learning_rate(self._trainer_parts)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        optimizer_view.set_learning_rate(self._trainer_parts, value)

    @property
    def loss(self) -> Any:
        """The loss of `compile`, as an object, or the list or dict of them; before, None."""
        compiled = self._trainer_parts.compilation
        return None if compiled is None else compiled.compile_spec.loss

    @property
    def metrics(self) -> list[Metric]:
        """What the logs are made of, as descriptions in Keras's order: the mean of the loss, the
        metrics that `compile` was given, the means of the losses of several outputs, and metrics
        that a model's attributes hold; empty before `compile` and with functions of one's own.
        """
        return self._trainer_parts.steps.metrics(self._trainer_parts.state)

    @property
    def metrics_names(self) -> list[str]:
        """The names of the values that `evaluate` returns, in its order; with functions of one's
        own those of the logs of the last evaluation or training; empty before `compile`.
        """
        if not self.compiled:
            return []
        return self._trainer_parts.steps.metrics_names(self._trainer_parts.state)

    @property
    def steps_per_execution(self) -> int:
        """The steps that `compile` fixed for one dispatch; 1 where their number adapts."""
        compiled = self._trainer_parts.compilation
        return 1 if compiled is None else compiled.steps_per_execution or 1

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run in Python, for a debugger; set it to change that, for free."""
        return self._trainer_parts.is_eager

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        parts = self._trainer_parts
        if not isinstance(value, bool):
            raise WrongTypeError(
                f"{parts.state.who}: `run_eagerly`: expected True or False, got {describe(value)}."
            )
        if parts.compilation is None:
            parts.eager = value
        else:
            parts.steps.compilation = dataclasses.replace(parts.compilation, eager=value)

    @property
    def jit_compile(self) -> bool:
        """Whether steps are compiled: the opposite of `run_eagerly`."""
        return not self.run_eagerly

    @jit_compile.setter
    def jit_compile(self, value: bool) -> None:
        self.run_eagerly = not value

    def explain(
        self, print_fn: Callable[[str], Any] = print, *, platform: str | None = None
    ) -> None:
        """Prints what runs and what it costs: the engine that feeds the data and why, what lies on
        the device, and for each compiled program how often it was traced, how long that took, its
        work per step, its steps per dispatch, and its share of what the device manages.

        Most of it is known after `fit`, `evaluate` or `predict`; where weights lie on devices, as
        soon as the shape of the inputs is: they are made for it. Counting the work traces each
        program again; measuring the device takes a third of a second, once.

        Args:
          print_fn: called with the text.
          platform: "cpu", "cuda", "rocm" or "tpu": of what operations each program would consist
            there. No such device is needed.

        Raises:
          ValueError: JAX has no platform of this name.
        """
        parts, state = self._trainer_parts, self._trainer_parts.state
        if platform is not None:
            check_platform(f"{state.who}: explain", platform)
        state.build_if_known()
        programs = [plan.programs for plan in parts.plans.all()]
        spread = parts.distribution
        text = explanation(state.who, state.values, parts.placed, programs, platform, spread)
        with parts.team.quiet():
            (print_text if print_fn is print else print_fn)(text)

    # -- how the layers compute

    @property
    def dtype_policy(self) -> DTypePolicy:
        """How the layers compute. Set it to "mixed_bfloat16", and all layers without a `dtype` of
        their own compute in bfloat16, but those that make the outputs; weights stay as they are,
        and so does the optimizer, unless float16 makes it scale the loss. With "float64" all of
        them compute in it, the weights become float64, and the optimizer restarts.

        Raises:
          TypeError: on assignment: it is no policy, or the model is not made of layers.
          ValueError: on assignment: there is no such policy.
        """
        return self._trainer_parts.policy

    @dtype_policy.setter
    def dtype_policy(self, value: object) -> None:
        parts, state = self._trainer_parts, self._trainer_parts.state
        plain = parts.plain[0] if parts.plain[1] is state.net else state.net
        try:
            policy = floating_policy(value)
            net = plain if policy.name == "float32" else in_policy(plain, policy)
        except (TypeError, ValueError) as error:
            known_as = ["DTypePolicy", "in_policy"]
            raise said_by(error, state.who, known_as=known_as, argument="dtype_policy") from None
        before, after = parts.policy.variable_dtype, policy.variable_dtype
        parts.policy, parts.plain = policy, (plain, net)
        state.net = net
        if before != after and (values := state.values) is not None:
            trees = (_in_dtype(tree, before, after) for tree in (values.params, values.state))
            state.values = values.replace(**dict(zip(("params", "state"), trees, strict=True)))
        compiled = parts.compilation
        if compiled is not None:
            scaled = compiled.scaled_for(net)
            if before != after or scaled is not compiled:
                parts.restart_optimizer(scaled)

    @property
    def compute_dtype(self) -> str:
        """The name of the dtype that the model's policy computes in."""
        return self._trainer_parts.policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The name of the dtype of its weights: "float32", or "float64"."""
        return self._trainer_parts.policy.variable_dtype

    # -- the compilation as a configuration

    def get_compile_config(self) -> dict[str, Any]:
        """The arguments of `compile` by name; empty for a model that is not compiled.

        Raises:
          TypeError, ValueError: something in it cannot be written, such as an optimizer of optax.

        Source: `keras.Model.get_compile_config`.
        """
        return configurations.compile_config(
            self._trainer_parts.compilation,
            lambda: optimizer_view.learning_rate(self._trainer_parts),
        )

    def in_config_of_compilation(self) -> dict[str, Any]:
        """`get_compile_config`, or nothing, with a warning, where it cannot be written."""
        try:
            return self.get_compile_config()
        except (TypeError, ValueError) as error:
            who = self._trainer_parts.state.who
            what = "what it was compiled with is left out of the configuration"
            warnings.warn(f"{who}: {what}: {error}", stacklevel=4)
            return {}

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compiles the model as another was, by what `get_compile_config` gave here or in Keras.

        A subclass with a `compile` of its own stays as it is, with a warning: what its arguments
        are is not known here.

        Source: `keras.Model.compile_from_config`.
        """
        if type(self).compile is not CompileMixin.compile:
            warnings.warn(
                f"{self._trainer_parts.state.who}: the model is not compiled as the other was, "
                f"because {type(self).__name__} has a `compile` of its own. Call "
                "model.compile(...), or write its `get_compile_config` and `compile_from_config`.",
                stacklevel=5,
            )
            return
        self.compile(**configurations.compile_arguments(config))


def _in_dtype(tree: Tree, before: str, after: str) -> Any:
    """The weights of one dtype in another; sums of losses, which are no weights, stay."""

    def cast(path: tuple[Any, ...], leaf: jax.Array) -> Any:
        is_sum = path_names(path)[-1:] == (ACTIVITY_LOSS,)
        return leaf.astype(after) if leaf.dtype == before and not is_sum else leaf

    return jax.tree_util.tree_map_with_path(cast, tree)


def _swapped(optimizer: object) -> str:
    """A sentence where the loss was given in the optimizer's place; else empty."""
    if not isinstance(optimizer, str):
        return ""
    try:
        losses.get(optimizer)
    except ValueError:
        return ""
    return f" {optimizer!r} is a loss: the optimizer comes first, compile(optimizer, loss)."
