"""Rules that divide the gradient by a root of its past squares.

In the formulas g is the clipped gradient, p the variable, η the learning rate and t the step, from
1. The rules differ in the statistic of the squares: their sum (Adagrad), a moving mean (RMSprop,
Adadelta), or the means of rows and columns (Adafactor).
"""

from __future__ import annotations

import jax.numpy as jnp

from jkeras.core.description import option
from jkeras.optimizers import arguments
from jkeras.optimizers.arguments import Number, Schedule
from jkeras.optimizers.base import Array, Optimizer, Slots


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

    def slot_names(self) -> tuple[str, ...]:
        mean = ("average_gradient",) if self.centered else ()
        return ("velocity", *mean, *(("momentum",) if self.momentum else ()))

    def step(
        self, gradient: Array, variable: Array, slots: Slots, now: dict[str, Array]
    ) -> tuple[Array, Slots]:
        new = {"velocity": _decayed(slots["velocity"], gradient * gradient, self.rho)}
        variance = new["velocity"]
        if self.centered:
            new["average_gradient"] = _decayed(slots["average_gradient"], gradient, self.rho)
            variance = variance - new["average_gradient"] ** 2
        update = -now["learning_rate"] * gradient / jnp.sqrt(variance + self.epsilon)
        if self.momentum:
            # The slot keeps Keras's sign: it is what the variable loses.
            new["momentum"] = now["momentum"] * slots["momentum"] - update
            update = -new["momentum"]
        return update, new


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

    def first_slots(self, path: str, variable: Array) -> Slots:
        return {"accumulator": jnp.full_like(variable, self.initial_accumulator_value)}

    def step(
        self, gradient: Array, variable: Array, slots: Slots, now: dict[str, Array]
    ) -> tuple[Array, Slots]:
        accumulator = slots["accumulator"] + gradient * gradient
        update = -now["learning_rate"] * gradient / jnp.sqrt(accumulator + self.epsilon)
        return update, {"accumulator": accumulator}


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

    def slot_names(self) -> tuple[str, ...]:
        return ("accumulated_grad", "accumulated_delta_var")

    def step(
        self, gradient: Array, variable: Array, slots: Slots, now: dict[str, Array]
    ) -> tuple[Array, Slots]:
        squares = _decayed(slots["accumulated_grad"], gradient * gradient, self.rho)
        past = jnp.sqrt(slots["accumulated_delta_var"] + self.epsilon)
        delta = -past * gradient / jnp.sqrt(squares + self.epsilon)
        deltas = _decayed(slots["accumulated_delta_var"], delta * delta, self.rho)
        return now["learning_rate"] * delta, {
            "accumulated_grad": squares,
            "accumulated_delta_var": deltas,
        }


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
        decay = 1 - now["step"] ** self.beta_2_decay
        squares = gradient * gradient + self.epsilon_1
        velocity, new = self._velocity(squares, slots, decay)
        direction = gradient / jnp.sqrt(velocity)
        direction = direction / jnp.maximum(_rms(direction) / self.clip_threshold, 1)
        rate = jnp.minimum(now["learning_rate"], 1 / jnp.sqrt(now["step"]))
        return -jnp.maximum(_rms(variable), self.epsilon_2) * rate * direction, new

    def _velocity(self, squares: Array, slots: Slots, decay: Array) -> tuple[Array, Slots]:
        """The v of every element, and the slots that store it."""
        if "velocity" in slots:
            velocity = _decayed(slots["velocity"], squares, decay)
            return velocity, {"velocity": velocity}
        row = _decayed(slots["row"], jnp.mean(squares, axis=-1), decay)
        column = _decayed(slots["column"], jnp.mean(squares, axis=-2), decay)
        share = row / jnp.mean(row, axis=-1, keepdims=True)
        return share[..., :, None] * column[..., None, :], {"row": row, "column": column}


def _decayed(old: Array, new: Array, decay: Number | Array) -> Array:
    """A moving average that keeps the fraction `decay` of the old value."""
    return decay * old + (1 - decay) * new


def _rms(x: Array) -> Array:
    return jnp.sqrt(jnp.mean(x * x))
