"""Rules that go downhill by a fixed length: along the gradient, or along its signs.

In the formulas g is the clipped gradient, p the variable, η the learning rate and m the momentum's
buffer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import jax.numpy as jnp

from jkeras.core.description import option
from jkeras.optimizers import arguments
from jkeras.optimizers.arguments import Number, Schedule
from jkeras.optimizers.base import Array, Optimizer

if TYPE_CHECKING:
    import optax


class SGD(Optimizer):
    """Gradient descent, with momentum and Nesterov's look-ahead.

    Without momentum p ← p - η·g. With momentum μ the buffer holds the learning rate:
    m ← μ·m - η·g, and then p ← p + m, or p ← p + μ·m - η·g with `nesterov`.
    (`optax.sgd` scales by η outside the buffer, which differs once η changes, so here the order of
    its parts is turned.)

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

    slot_fields: ClassVar[Mapping[str, str]] = {"momentum": "trace"}

    def slot_names(self) -> tuple[str, ...]:
        return ("momentum",) if self.momentum else ()

    def chain(self, now: dict[str, Array]) -> optax.GradientTransformation:
        import optax

        rate = optax.scale_by_learning_rate(now["learning_rate"])
        if not self.momentum:
            return rate
        return optax.chain(rate, optax.trace(now["momentum"], self.nesterov))


class Lion(Optimizer):
    """The signs of a momentum ("evolved sign momentum").

    p ← p - η·sign(β₁·m + (1 - β₁)·g), then m ← β₂·m + (1 - β₂)·g.

    Every element moves by η, so a good rate is three to ten times smaller than Adam's, and a good
    weight decay as many times larger.

    Args:
      beta_1: the momentum's share in the direction, in (0, 1]; at 0 nothing but signs of
        gradients would be left.
      beta_2: decay of the momentum, in [0, 1].

    The other arguments are `Optimizer`'s.

    Example:
      >>> rule, params = Lion(0.1), {"kernel": jnp.ones(3)}
      >>> grads = {"kernel": jnp.array([5.0, -0.01, 0.0])}
      >>> updates, state = rule.update(grads, rule.init(params), params)
      >>> [f"{update:.1f}" for update in updates["kernel"]]
      ['-0.1', '0.1', '-0.0']

    Source: Chen et al. 2023, arXiv:2302.06675; `keras.optimizers.Lion`.
    """

    learning_rate: Number | Schedule = option(default=0.001, convert=arguments.learning_rate)
    beta_1: Number = option(default=0.9, convert=arguments.positive_fraction)
    beta_2: Number = option(default=0.99, convert=arguments.fraction)

    slot_fields: ClassVar[Mapping[str, str]] = {"momentum": "mu"}

    def chain(self, now: dict[str, Array]) -> optax.GradientTransformation:
        import optax

        # Arrays, as Keras has them: 1 - β₂ from a float32 β₂ differs in the sixth digit.
        betas = (jnp.asarray(beta, now["step"].dtype) for beta in (self.beta_1, self.beta_2))
        rate = optax.scale_by_learning_rate(now["learning_rate"])
        return optax.chain(optax.scale_by_lion(*betas), rate)
