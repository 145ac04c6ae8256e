"""Learning-rate schedules: pure functions from the step to the rate.

Laws:
  - `schedule(step)` depends on `step` alone; it runs under `jit` and `vmap`, and elementwise on an
    array of steps, so a curve is `schedule(jnp.arange(100))`.
  - The rate is float32; steps count from 0, and the rate at step 0 is the first update's.

A custom schedule is any function of the step, or a subclass of `LearningRateSchedule` with a
`__call__(self, step)`; optax's schedules work too. In the formulas s is the step, n is
`decay_steps` and η₀ is `initial_learning_rate`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jkeras.core.description import Description, one_of, option
from jkeras.core.registry import deserializer, reader
from jkeras.core.serialization import serialize_keras_object
from jkeras.core.trees import widest_float
from jkeras.optimizers import arguments
from jkeras.optimizers.arguments import Number

Array = jax.Array


class LearningRateSchedule:
    """Base of schedules; a user's subclass may have a plain `__init__` as in Keras.

    Example:
      >>> class Halving(LearningRateSchedule):
      ...     def __init__(self, first):
      ...         self.first = first
      ...     def __call__(self, step):
      ...         return self.first * 0.5 ** jnp.float32(step)
      >>> float(Halving(0.8)(2))
      0.20000000298023224

    Source: `keras.optimizers.schedules.LearningRateSchedule`.
    """

    def __call__(self, step: ArrayLike) -> Any:
        """The rate at `step` (int32 scalar, the number of updates already made)."""
        raise NotImplementedError(
            f"{type(self).__name__}: expected a method `__call__(self, step)` that returns the "
            "learning rate, and the class defines none."
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments by name. A class with its own `__init__` overrides this."""
        raise NotImplementedError(
            f"{type(self).__name__}: expected a method `get_config(self)` that returns the "
            "arguments of `__init__` in a dict, and the class defines none."
        )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """The schedule with these arguments."""
        return cls(**config)


class _TimeDecay(Description, LearningRateSchedule):
    """The arguments of schedules of the time s / n."""

    initial_learning_rate: Number = option(convert=arguments.non_negative)
    decay_steps: Number = option(convert=arguments.positive)
    decay_rate: Number = option(convert=arguments.non_negative)
    staircase: bool = option(default=False, convert=arguments.flag)

    def passed(self, step: ArrayLike) -> Array:
        """The time s / n, rounded down for a staircase.

        XLA compiles a division by a constant to a product with a rounded inverse, whose floor may
        be one stair late; `//` uses the remainder, which is exact.
        """
        return (
            _float(step) // self.decay_steps if self.staircase else _float(step) / self.decay_steps
        )


class ExponentialDecay(_TimeDecay):
    """η₀ · decay_rate^(s / n).

    Args:
      initial_learning_rate: the rate at step 0.
      decay_steps: the steps in which the rate is multiplied by `decay_rate` once, above 0.
      decay_rate: the factor.
      staircase: round s / n down, so that the rate falls in stairs.
      name: a label.

    Example:
      >>> ExponentialDecay(1.0, 10, 0.5)(jnp.array([0, 10, 20])).tolist()
      [1.0, 0.5, 0.25]

    Source: `keras.optimizers.schedules.ExponentialDecay`.
    """

    name: str = "ExponentialDecay"

    def __call__(self, step: ArrayLike) -> Array:
        return self.initial_learning_rate * jnp.power(
            jnp.asarray(self.decay_rate, widest_float()), self.passed(step)
        )


class InverseTimeDecay(_TimeDecay):
    """η₀ / (1 + decay_rate · s / n).

    Args:
      initial_learning_rate: the rate at step 0.
      decay_steps: n, the unit of time, in steps, above 0.
      decay_rate: how fast the divisor grows.
      staircase: round s / n down, so that the rate falls in stairs.
      name: a label.

    Example:
      >>> InverseTimeDecay(1.0, 10, 1.0)(jnp.array([0, 10, 30])).tolist()
      [1.0, 0.5, 0.25]

    Source: `keras.optimizers.schedules.InverseTimeDecay`.
    """

    name: str = "InverseTimeDecay"

    def __call__(self, step: ArrayLike) -> Array:
        return self.initial_learning_rate / (1 + self.decay_rate * self.passed(step))


class PiecewiseConstantDecay(Description, LearningRateSchedule):
    """values[i] for the steps after boundaries[i-1] up to and with boundaries[i].

    Args:
      boundaries: increasing steps, at least one.
      values: the rates between them, one more than there are boundaries.
      name: a label.

    Raises:
      ValueError: the lengths do not fit, or the boundaries do not increase.

    Example:
      >>> PiecewiseConstantDecay([2, 4], [1.0, 0.5, 0.25])(jnp.arange(6)).tolist()
      [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]

    Source: `keras.optimizers.schedules.PiecewiseConstantDecay`.
    """

    boundaries: tuple[Number, ...] = option(convert=arguments.numbers)
    values: tuple[Number, ...] = option(convert=arguments.numbers)
    name: str = "PiecewiseConstant"

    def check(self) -> None:
        """Raises unless the values are one more than the increasing boundaries."""
        if len(self.values) != len(self.boundaries) + 1:
            raise ValueError(
                "PiecewiseConstantDecay: expected one more of `values` than of `boundaries`, "
                f"got {len(self.values)} values and {len(self.boundaries)} boundaries."
            )
        if list(self.boundaries) != sorted(set(self.boundaries)):
            raise ValueError(
                "PiecewiseConstantDecay: expected `boundaries` that increase, "
                f"got {self.boundaries}."
            )

    def __call__(self, step: ArrayLike) -> Array:
        step = jnp.asarray(step)
        rate = jnp.full(step.shape, self.values[0], widest_float())
        for boundary, value in zip(self.boundaries, self.values[1:], strict=True):
            rate = jnp.where(step > jnp.asarray(boundary).astype(step.dtype), value, rate)
        return rate


class PolynomialDecay(Description, LearningRateSchedule):
    """(η₀ - end)·(1 - s / n)^power + end, constant from step n on.

    Args:
      initial_learning_rate: the rate at step 0.
      decay_steps: n, the steps until the end, above 0.
      end_learning_rate: the rate at the end.
      power: 1 is linear.
      cycle: start again after each end, over the next multiple of n steps.
      name: a label.

    Example:
      >>> PolynomialDecay(1.0, 4, 0.0)(jnp.array([0, 2, 4, 9])).tolist()
      [1.0, 0.5, 0.0, 0.0]

    Source: `keras.optimizers.schedules.PolynomialDecay`.
    """

    initial_learning_rate: Number = option(convert=arguments.non_negative)
    decay_steps: Number = option(convert=arguments.positive)
    end_learning_rate: Number = option(default=0.0001, convert=arguments.non_negative)
    power: Number = option(default=1.0, convert=arguments.non_negative)
    cycle: bool = option(default=False, convert=arguments.flag)
    name: str = "PolynomialDecay"

    def __call__(self, step: ArrayLike) -> Array:
        step = _float(step)
        end = jnp.asarray(self.decay_steps, widest_float())
        if self.cycle:  # at the end of the cycle: the next multiple of n, at least n
            end = end * jnp.maximum(-(-step // self.decay_steps), 1)
        # Compiled, 1 - 10 / 10 can be -1e-8, and its root NaN.
        left = jnp.maximum(1 - jnp.minimum(step, end) / end, 0)
        span = self.initial_learning_rate - self.end_learning_rate
        return (
            span * jnp.power(left, jnp.asarray(self.power, widest_float())) + self.end_learning_rate
        )


class CosineDecay(Description, LearningRateSchedule):
    """Half a cosine from the first rate down to alpha times it, after an optional linear warm-up.

    Without a warm-up η₀·((1 - alpha)·(1 + cos(π·s / n)) / 2 + alpha), constant from step n on. With
    one, the rate first goes in a line from η₀ to `warmup_target` over `warmup_steps`; the cosine
    starts there and takes the n steps after it.

    Args:
      initial_learning_rate: the rate at step 0.
      decay_steps: n, the length of the cosine in steps, above 0.
      alpha: the last rate as a fraction of the one where the cosine starts.
      name: a label.
      warmup_target: the rate after the warm-up; None for no warm-up, whatever `warmup_steps` is.
      warmup_steps: the length of the warm-up in steps.

    Example:
      >>> CosineDecay(0.0, 4, warmup_target=1.0, warmup_steps=2)(jnp.array([0, 1, 2, 6])).tolist()
      [0.0, 0.5, 1.0, 0.0]

    Source: Loshchilov and Hutter 2017, arXiv:1608.03983; `keras.optimizers.schedules.CosineDecay`.
    """

    initial_learning_rate: Number = option(convert=arguments.non_negative)
    decay_steps: Number = option(convert=arguments.positive)
    alpha: Number = option(default=0.0, convert=arguments.finite)
    name: str = "CosineDecay"
    warmup_target: Number | None = option(
        default=None, convert=arguments.optional(arguments.non_negative)
    )
    warmup_steps: Number = option(default=0, convert=arguments.non_negative)

    def __call__(self, step: ArrayLike) -> Array:
        step = _float(step)
        if self.warmup_target is None or not self.warmup_steps:
            first = self.initial_learning_rate if self.warmup_target is None else self.warmup_target
            return first * self._cosine(step)
        rise = self.warmup_target - self.initial_learning_rate
        warming = self.initial_learning_rate + rise * (step / self.warmup_steps)
        decaying = self.warmup_target * self._cosine(step - self.warmup_steps)
        return jnp.where(step < self.warmup_steps, warming, decaying)

    def _cosine(self, step: Array) -> Array:
        fraction = jnp.minimum(step, self.decay_steps) / self.decay_steps
        return (1 - self.alpha) * 0.5 * (1 + jnp.cos(math.pi * fraction)) + self.alpha


class CosineDecayRestarts(Description, LearningRateSchedule):
    """`CosineDecay` that starts again and again (SGDR), each period longer and lower than the last.

    In period i (from 0), which takes first_decay_steps · t_mulⁱ steps, at the fraction f of it:
    η₀·((1 - alpha)·m_mulⁱ·(1 + cos(π·f)) / 2 + alpha).

    Args:
      initial_learning_rate: the rate at step 0.
      first_decay_steps: the length of the first period in steps, above 0.
      t_mul: each period's length over the last one's, at least 1.
      m_mul: each period's height over the last one's.
      alpha: the lowest rate as a fraction of the first.
      name: a label.

    Example:
      >>> CosineDecayRestarts(1.0, 2, m_mul=0.5)(jnp.array([0, 2, 6, 14])).tolist()
      [1.0, 0.5, 0.25, 0.125]

    Source: Loshchilov and Hutter 2017, arXiv:1608.03983;
    `keras.optimizers.schedules.CosineDecayRestarts`.
    """

    initial_learning_rate: Number = option(convert=arguments.non_negative)
    first_decay_steps: Number = option(convert=arguments.positive)
    t_mul: Number = option(default=2.0, convert=arguments.at_least_one)
    m_mul: Number = option(default=1.0, convert=arguments.non_negative)
    alpha: Number = option(default=0.0, convert=arguments.finite)
    name: str = "SGDRDecay"

    def __call__(self, step: ArrayLike) -> Array:
        step = _float(step)
        period, start, length = self._period(step)
        fraction = jnp.maximum(step - start, 0) / length
        height = jnp.power(jnp.asarray(self.m_mul, widest_float()), period)
        decayed = (1 - self.alpha) * 0.5 * height * (1 + jnp.cos(math.pi * fraction)) + self.alpha
        return self.initial_learning_rate * decayed

    def _period(self, step: Array) -> tuple[Array, Array, Array | Number]:
        """The period that `step` lies in: its index, its first step and its length."""
        first = self.first_decay_steps
        if self.t_mul == 1:
            period = step // first
            return period, period * first, first
        # Period i starts at first · (1 + t + ... + tⁱ⁻¹) = first · (tⁱ - 1) / (t - 1). Logarithms
        # round, so a step within 1e-5 of a restart counts as there. Compiled Keras can be late.
        growth = jnp.asarray(self.t_mul, widest_float())
        reached = (step * (1 + 1e-5) + 1e-3) / first
        period = jnp.floor(jnp.log1p(reached * (growth - 1)) / jnp.log(growth))
        length = first * jnp.power(growth, period)
        return period, (length - first) / (growth - 1), length


class OneCycle(Description, LearningRateSchedule):
    """One cycle over a whole training: up to the highest rate, then down to nearly nothing.

    With T = `total_steps` and the highest rate m, from m / div_factor at step 0 to m at step
    pct_start·T - 1, and on to m / (div_factor · final_div_factor) at step T - 1, the last one; with
    `three_phase` as fast down as up first, to m / div_factor. Between these steps the rate follows
    half a cosine or a line; it is constant after the last.

    Args:
      max_learning_rate: m, such as the suggestion of `model.lr_find`.
      total_steps: T, all updates of the training: epochs times batches in an epoch.
      pct_start: the share of the steps in which the rate rises.
      div_factor: how many times the first rate goes into the highest.
      final_div_factor: how many times the last rate goes into the first.
      anneal: "cos" or "linear".
      three_phase: whether the rate comes down in two phases.
      name: a label.

    Raises:
      ValueError: no step is left for a phase.

    A training with it, where `steps` is the number of batches in an epoch:

        rate = model.lr_find(x, y).valley
        model.compile(Adam(OneCycle(rate, total_steps=epochs * steps)), loss)
        model.fit(x, y, epochs=epochs)

    The momentum of the optimizer stays as it is. Keras has no such schedule, so it reads a `.keras`
    file of a model that is compiled with one with `compile=False` alone. The numbers are PyTorch's;
    optax's `cosine_onecycle_schedule` rises to step int(pct_start·T), and reaches the lowest rate
    one step after the last.

    Example:
      >>> OneCycle(1.0, 5, pct_start=0.6, div_factor=4)(jnp.array([0, 1, 2, 9])).tolist()
      [0.25, 0.625, 1.0, 2.499999936844688e-05]

    Source: Smith and Topin 2018, arXiv:1708.07120; `torch.optim.lr_scheduler.OneCycleLR`.
    """

    max_learning_rate: Number = option(convert=arguments.non_negative)
    total_steps: int = option(convert=arguments.integer(2))
    pct_start: Number = option(default=0.3, convert=arguments.positive_fraction)
    div_factor: Number = option(default=25.0, convert=arguments.positive)
    final_div_factor: Number = option(default=1e4, convert=arguments.positive)
    anneal: str = option(default="cos", convert=one_of("cos", "linear"))
    three_phase: bool = option(default=False, convert=arguments.flag)
    name: str = "OneCycle"

    def check(self) -> None:
        """Raises unless every phase has a step."""
        steps = [step for step, _ in self._corners()]
        if steps != sorted(set(steps)):
            most = "below 0.5" if self.three_phase else "below 1"
            raise ValueError(
                f"OneCycle: `pct_start`: expected a share of the steps {most} that leaves a step "
                f"to every phase, got {self.pct_start}, and {self.total_steps} steps in all."
            )

    def _corners(self) -> list[tuple[Number, Number]]:
        """The steps at which a phase ends, and the rates there."""
        first = self.max_learning_rate / self.div_factor
        rising, last = self.pct_start * self.total_steps, self.total_steps - 1
        corners = [(0, first), (rising - 1, self.max_learning_rate)]
        corners += [(2 * rising - 2, first)] if self.three_phase else []
        return [*corners, (last, first / self.final_div_factor)]

    def __call__(self, step: ArrayLike) -> Array:
        step = _float(step)
        (_, rate), *_ = corners = self._corners()
        rates = jnp.full(step.shape, rate, widest_float())
        for (start, low), (end, high) in itertools.pairwise(corners):
            share = jnp.clip((step - start) / (end - start), 0, 1)
            if self.anneal == "cos":
                share = 0.5 * (1 - jnp.cos(math.pi * share))
            rates = jnp.where(step > start, low * (1 - share) + high * share, rates)
        return rates


def _float(step: ArrayLike) -> Array:
    return jnp.asarray(step).astype(widest_float())


def serialize(learning_rate_schedule: LearningRateSchedule | Callable[..., Any]) -> Any:
    """The configuration of a schedule.

    Example:
      >>> serialize(ExponentialDecay(0.1, 10, 0.5))["class_name"]
      'ExponentialDecay'

    Source: `keras.optimizers.schedules.serialize`.
    """
    return serialize_keras_object(learning_rate_schedule)


deserialize = deserializer(
    reader("schedule", "optimizers.schedules", callable), "schedule", "optimizers.schedules"
)


__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]
