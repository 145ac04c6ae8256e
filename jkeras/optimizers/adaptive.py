"""Rules that divide the gradient by a root of its past squares.

In the formulas g is the clipped gradient, p the variable, η the learning rate and t the step, from
1. The rules differ in the statistic of the squares: their sum (Adagrad), a moving mean (RMSprop,
Adadelta), or the means of rows and columns (Adafactor).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core.description import option
from jkeras.optimizers import arguments
from jkeras.optimizers.arguments import Number, Schedule
from jkeras.optimizers.base import Array, Optimizer, Slots
from jkeras.optimizers.numerics import applied

if TYPE_CHECKING:
    import optax


class RMSprop(Optimizer):
    """Gradient descent on gradients divided by a moving root mean square.

    v ← ρ·v + (1 - ρ)·g², d = η·g / √(v + ε), p ← p - d; epsilon stands inside the root. With
    `centered` the root is of v less the squared moving mean of g, plus ε. With momentum μ,
    m ← μ·m + d and p ← p - m.

    Args:
      rho: decay of the moving averages, in [0, 1).
      momentum: in [0, 1].
      epsilon: keeps the root away from zero.
      centered: divide by the standard deviation instead.

    The other arguments are `Optimizer`'s.

    Source: Hinton 2012, "Neural Networks for Machine Learning", lecture 6; Graves 2013,
    arXiv:1308.0850; `keras.optimizers.RMSprop`.
    """

    learning_rate: Number | Schedule = option(default=0.001, convert=arguments.learning_rate)
    rho: Number = option(default=0.9, convert=arguments.decay_rate)
    momentum: Number = option(default=0.0, convert=arguments.fraction)
    epsilon: Number = option(default=1e-7, convert=arguments.non_negative)
    centered: bool = option(default=False, convert=arguments.flag)

    slot_fields: ClassVar[Mapping[str, str]] = {
        "velocity": "nu",
        "average_gradient": "mu",
        "momentum": "trace",
    }

    def slot_names(self) -> tuple[str, ...]:
        mean = ("average_gradient",) if self.centered else ()
        return ("velocity", *mean, *(("momentum",) if self.momentum else ()))

    def chain(self, now: dict[str, Array]) -> optax.GradientTransformation:
        import optax

        scale_by_root = optax.scale_by_stddev if self.centered else optax.scale_by_rms
        scaled = scale_by_root(self.rho, self.epsilon, eps_in_sqrt=True)
        if not self.momentum:
            return optax.chain(scaled, optax.scale_by_learning_rate(now["learning_rate"]))
        # The slot keeps Keras's sign: it is what the variable loses.
        rate, momentum = optax.scale(now["learning_rate"]), optax.trace(now["momentum"])
        return optax.chain(scaled, rate, momentum, optax.scale(-1))


class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of all their squares.

    a ← a + g², p ← p - η·g / √(a + ε); the more a weight has moved, the less it moves.

    Args:
      initial_accumulator_value: a before the first step, at least 0.
      epsilon: keeps the root away from zero.

    The other arguments are `Optimizer`'s. The paper's η is larger than this default: try 1.0.

    Example:
      >>> rule, params = Adagrad(1.0, 0.0), {"kernel": jnp.ones(2)}
      >>> grads = {"kernel": jnp.array([3.0, -5.0])}
      >>> updates, state = rule.update(grads, rule.init(params), params)
      >>> updates["kernel"].tolist(), state.slots["accumulator"]["kernel"].tolist()
      ([-1.0, 1.0], [9.0, 25.0])

    Source: Duchi et al. 2011, "Adaptive subgradient methods for online learning and stochastic
    optimization"; `keras.optimizers.Adagrad`.
    """

    learning_rate: Number | Schedule = option(default=0.001, convert=arguments.learning_rate)
    initial_accumulator_value: Number = option(default=0.1, convert=arguments.non_negative)
    epsilon: Number = option(default=1e-7, convert=arguments.non_negative)

    slot_fields: ClassVar[Mapping[str, str]] = {"accumulator": "sum_of_squares"}

    def first_slots(self, path: str, variable: Array) -> Slots:
        return {"accumulator": jnp.full_like(variable, self.initial_accumulator_value)}

    def chain(self, now: dict[str, Array]) -> optax.GradientTransformation:
        import optax

        rate = optax.scale_by_learning_rate(now["learning_rate"])
        return optax.chain(optax.scale_by_rss(eps=self.epsilon), rate)


class Adadelta(Optimizer):
    """Gradients divided by their moving root mean square, times that of the past updates.

    a ← ρ·a + (1 - ρ)·g², d = g·√(b + ε) / √(a + ε), b ← ρ·b + (1 - ρ)·d², p ← p - η·d.

    Args:
      rho: decay of the moving averages, in [0, 1).
      epsilon: keeps the roots away from zero, and sets the size of the first updates.

    The other arguments are `Optimizer`'s. The paper has no η: 1.0 is its rule.

    Source: Zeiler 2012, arXiv:1212.5701; `keras.optimizers.Adadelta`.
    """

    learning_rate: Number | Schedule = option(default=0.001, convert=arguments.learning_rate)
    rho: Number = option(default=0.95, convert=arguments.decay_rate)
    epsilon: Number = option(default=1e-7, convert=arguments.non_negative)

    slot_fields: ClassVar[Mapping[str, str]] = {
        "accumulated_grad": "e_g",
        "accumulated_delta_var": "e_x",
    }

    def chain(self, now: dict[str, Array]) -> optax.GradientTransformation:
        import optax

        rate = optax.scale_by_learning_rate(now["learning_rate"])
        return optax.chain(optax.scale_by_adadelta(self.rho, self.epsilon), rate)


class Adafactor(Optimizer):
    """Adaptive rates from the means of rows and columns: memory for a matrix grows like its sides.

    With s = g² + ε₁ and β = 1 - t^decay, the row means r and the column means c of s decay by β,
    and v = r·c / mean(r). A variable with fewer than two axes keeps v itself; with more than two,
    rows and columns are those of the last two. Then u = g / √v, shortened to a root mean square
    of at most `clip_threshold`, and p ← p - max(ε₂, rms(p)) · min(η, 1/√t) · u.

    Args:
      beta_2_decay: the power of t, at most 0.
      epsilon_1: keeps the squares away from zero.
      epsilon_2: the least size a variable is taken to have.
      clip_threshold: the largest root mean square of u, above 0; independent of `clipnorm` and the
        other clipping of gradients.
      relative_step: part of the signature of Keras. As in Keras, 1/√t limits η for both values.

    The other arguments are `Optimizer`'s.

    Differs from Keras, in memory only: v is not kept for variables with rows and columns.

    Source: Shazeer and Stern 2018, arXiv:1804.04235; `keras.optimizers.Adafactor`.
    """

    learning_rate: Number | Schedule = option(default=0.001, convert=arguments.learning_rate)
    beta_2_decay: Number = option(default=-0.8, convert=arguments.non_positive)
    epsilon_1: Number = option(default=1e-30, convert=arguments.non_negative)
    epsilon_2: Number = option(default=1e-3, convert=arguments.non_negative)
    clip_threshold: Number = option(default=1.0, convert=arguments.positive)
    relative_step: bool = option(default=True, convert=arguments.flag)

    def first_slots(self, path: str, variable: Array) -> Slots:
        if variable.ndim < 2:
            return {"velocity": jnp.zeros_like(variable)}
        return {
            "row": jnp.zeros(variable.shape[:-1], variable.dtype),
            "column": jnp.zeros(variable.shape[:-2] + variable.shape[-1:], variable.dtype),
        }

    def step(
        self, gradient: Array, variable: Array, slots: Slots, now: dict[str, Array]
    ) -> tuple[Array, Slots]:
        if not gradient.size:  # the means of no elements are NaN, and optax has no slots for them
            return gradient, slots

        def direction(gradient: Array, slots: Slots) -> tuple[Array, Slots]:
            fields = {"velocity": "v", "row": "v_row", "column": "v_col"}
            if gradient.ndim == 2 and gradient.shape[0] > gradient.shape[1]:
                # optax names the sides by their lengths.
                fields |= {"row": "v_col", "column": "v_row"}
            return applied(self._scaled(), fields, gradient, gradient, slots, now)

        # optax takes the two longest axes of an array, Keras the last two: here it gets matrices.
        for _ in range(gradient.ndim - 2):
            direction = jax.vmap(direction)
        update, new = direction(gradient, slots)
        return applied(self.chain(now), {}, update, variable, {}, now)[0], new

    def _scaled(self) -> optax.GradientTransformation:
        """The division by the root of v."""
        import optax

        return optax.scale_by_factored_rms(
            min_dim_size_to_factor=1,
            epsilon=self.epsilon_1,
            decay_rate_fn=lambda count, _: 1 - (count + 1) ** self.beta_2_decay,
        )

    def chain(self, now: dict[str, Array]) -> optax.GradientTransformation:
        import optax

        rate = jnp.minimum(now["learning_rate"], 1 / jnp.sqrt(now["step"]))
        return optax.chain(
            optax.clip_by_block_rms(self.clip_threshold),
            optax.scale_by_param_block_rms(self.epsilon_2),
            optax.scale_by_learning_rate(rate),
        )
