"""The update rules, one class each, with Keras's arguments, defaults and numbers.

A rule is written for one variable. In the formulas g is the clipped gradient, p the variable, η the
learning rate and t the step, from 1. Every rule with `weight_decay` λ also subtracts η·λ·p, with p
before the step.
"""

from __future__ import annotations

import jax.numpy as jnp

from jkeras.core.description import option
from jkeras.optimizers import arguments
from jkeras.optimizers.arguments import Number, Schedule
from jkeras.optimizers.base import Array, Optimizer, Slots


class SGD(Optimizer):
    """Gradient descent, with momentum and Nesterov's look-ahead.

    Without momentum p ← p - η·g. With momentum μ the buffer holds the learning rate:
    m ← μ·m - η·g, and then p ← p + m, or p ← p + μ·m - η·g with `nesterov`.
    (`optax.sgd` scales by η outside the buffer, which differs once η changes.)

    Args:
      momentum: in [0, 1].
      nesterov: look ahead along the momentum; needs `momentum`.

    The other arguments are `Optimizer`'s.

    Example:
      >>> rule, params = SGD(0.1), {"kernel": jnp.ones(2)}
      >>> updates, state = rule.update({"kernel": jnp.full(2, 5.0)}, rule.init(params), params)
      >>> updates["kernel"].tolist()
      [-0.5, -0.5]

    Source: Sutskever et al. 2013, "On the importance of initialization and momentum in deep
    learning"; `keras.optimizers.SGD`.
    """

    learning_rate: Number | Schedule = option(default=0.01, convert=arguments.learning_rate)
    momentum: Number = option(default=0.0, convert=arguments.fraction)
    nesterov: bool = option(default=False, convert=arguments.flag)

    def slot_names(self) -> tuple[str, ...]:
        return ("momentum",) if self.momentum else ()

    def step(self, gradient: Array, slots: Slots, now: dict[str, Array]) -> tuple[Array, Slots]:
        downhill = -now["learning_rate"] * gradient
        if not self.momentum:
            return downhill, slots
        momentum = now["momentum"] * slots["momentum"] + downhill
        update = now["momentum"] * momentum + downhill if self.nesterov else momentum
        return update, {"momentum": momentum}


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

    def step(self, gradient: Array, slots: Slots, now: dict[str, Array]) -> tuple[Array, Slots]:
        new = {"velocity": self._average(slots["velocity"], gradient * gradient)}
        variance = new["velocity"]
        if self.centered:
            new["average_gradient"] = self._average(slots["average_gradient"], gradient)
            variance = variance - new["average_gradient"] ** 2
        update = -now["learning_rate"] * gradient / jnp.sqrt(variance + self.epsilon)
        if self.momentum:
            # The slot keeps Keras's sign: it is what the variable loses.
            new["momentum"] = now["momentum"] * slots["momentum"] - update
            update = -new["momentum"]
        return update, new

    def _average(self, old: Array, new: Array) -> Array:
        return self.rho * old + (1 - self.rho) * new


class Adam(Optimizer):
    """Adaptive moments, with Keras's epsilon.

    m ← m + (1 - β₁)(g - m), v ← v + (1 - β₂)(g² - v),
    p ← p - α·m / (√v + ε) with α = η·√(1 - β₂ᵗ) / (1 - β₁ᵗ). With `amsgrad` v is its largest
    value so far.

    This is the paper's "epsilon hat" form: ε is compared with √v before the bias correction, so no
    constant `eps` makes `optax.adam` equal to it.

    Args:
      beta_1: decay of the mean of gradients, in [0, 1).
      beta_2: decay of the mean of squared gradients, in [0, 1).
      epsilon: keeps the divisor away from zero.
      amsgrad: never let the divisor's v fall.

    The other arguments are `Optimizer`'s.

    Example:
      >>> rule, params = Adam(0.1), {"kernel": jnp.ones(2)}
      >>> grads = {"kernel": jnp.array([4.0, -2.0])}
      >>> updates, state = rule.update(grads, rule.init(params), params)
      >>> [f"{update:.4f}" for update in updates["kernel"]]
      ['-0.1000', '0.1000']

    Source: Kingma and Ba 2015, arXiv:1412.6980, section 2; Reddi et al. 2018, arXiv:1904.09237;
    `keras.optimizers.Adam`.
    """

    learning_rate: Number | Schedule = option(default=0.001, convert=arguments.learning_rate)
    beta_1: Number = option(default=0.9, convert=arguments.decay_rate)
    beta_2: Number = option(default=0.999, convert=arguments.decay_rate)
    epsilon: Number = option(default=1e-7, convert=arguments.non_negative)
    amsgrad: bool = option(default=False, convert=arguments.flag)

    def slot_names(self) -> tuple[str, ...]:
        return ("momentum", "velocity", *(("velocity_hat",) if self.amsgrad else ()))

    def step(self, gradient: Array, slots: Slots, now: dict[str, Array]) -> tuple[Array, Slots]:
        # The betas stay Python numbers: 1 - β₂ from a float32 β₂ would be off by 5e-5.
        mean, square = slots["momentum"], slots["velocity"]
        mean = mean + (gradient - mean) * (1 - self.beta_1)
        square = square + (gradient * gradient - square) * (1 - self.beta_2)
        new = {"momentum": mean, "velocity": square}
        if self.amsgrad:
            new["velocity_hat"] = square = jnp.maximum(slots["velocity_hat"], square)
        update = -self._corrected_rate(now) * mean / (jnp.sqrt(square) + self.epsilon)
        return update, new

    def _corrected_rate(self, now: dict[str, Array]) -> Array:
        """η·√(1 - β₂ᵗ) / (1 - β₁ᵗ)."""
        first, second = 1 - self.beta_1 ** now["step"], 1 - self.beta_2 ** now["step"]
        return now["learning_rate"] * jnp.sqrt(second) / first


class AdamW(Adam):
    """`Adam` with decoupled weight decay: p ← p - η·λ·p before the step, for every variable.

    Args:
      weight_decay: λ, a number of at least 0.

    The other arguments are `Adam`'s.

    Source: Loshchilov and Hutter 2019, arXiv:1711.05101; `keras.optimizers.AdamW`.
    """

    weight_decay: Number | None = option(default=0.004, convert=arguments.non_negative)
