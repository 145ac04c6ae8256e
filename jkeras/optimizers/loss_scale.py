"""Dynamic loss scaling, for training in float16, whose smallest positive number is 6e-8.

The loss is multiplied by a factor, and the gradients are divided by the factor. If a gradient is
not finite, the factor was too large: the step is skipped, and the factor is halved. After
`dynamic_growth_steps` finite steps in a row the factor is doubled.

Laws:
  - A skipped step changes neither the weights nor the state of the inner optimizer.
  - Until a step is skipped, weights move as under the inner optimizer, up to rounding.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jkeras.core.description import Description, option
from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.trees import Tree
from jkeras.optimizers import arguments, numerics
from jkeras.optimizers.arguments import Number
from jkeras.optimizers.base import Array, Optimizer
from jkeras.optimizers.multi import MultiOptimizer
from jkeras.optimizers.standalone import Transformation


class LossScaleState(NamedTuple):
    """The state of loss scaling.

    Attributes:
      inner: the state of the inner optimizer.
      dynamic_scale: float32 scalar, the factor of the loss in the next step.
      step_counter: int32 scalar, the steps since the last change of the factor.
    """

    inner: Any
    dynamic_scale: Array
    step_counter: Array


def _inner(value: object) -> Any:
    if not isinstance(value, Optimizer | MultiOptimizer):
        raise WrongTypeError(f"expected an optimizer such as Adam(), got {describe(value)}.")
    return value.replace(loss_scale_factor=None)


class LossScaleOptimizer(Transformation, Description):
    """A wrapper around an optimizer, with a dynamic factor of the loss.

    `compile` wraps the optimizer of a model that computes in float16.

    Args:
      inner_optimizer: the optimizer; its own `loss_scale_factor` is ignored.
      initial_scale: the initial factor. A factor that is too large is soon halved, one that is too
        small grows slowly.
      dynamic_growth_steps: the number of finite steps in a row after which the factor is doubled.
      name: only for error messages.

    Raises:
      TypeError: `inner_optimizer` is not an optimizer of jkeras.

    Example:
      >>> from jkeras.optimizers import SGD
      >>> rule, params = LossScaleOptimizer(SGD(1.0), initial_scale=4.0), {"w": jnp.ones(1)}
      >>> updates, state = rule.update({"w": jnp.array([8.0])}, rule.init(params), params)
      >>> float(updates["w"][0]), float(state.dynamic_scale)
      (-2.0, 4.0)
      >>> updates, state = rule.update({"w": jnp.array([jnp.inf])}, state, params)
      >>> float(updates["w"][0]), float(state.dynamic_scale)
      (0.0, 2.0)

    Source: `keras.optimizers.LossScaleOptimizer`; Micikevicius et al. 2018, arXiv:1710.03740.
    """

    inner_optimizer: Any = option(convert=_inner)
    initial_scale: Number = option(default=2.0**15, convert=arguments.positive)
    dynamic_growth_steps: int = option(default=2000, convert=arguments.integer(1))
    name: str | None = None

    @property
    def learning_rate(self) -> Any:
        """The learning rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @property
    def use_ema(self) -> bool:
        """Whether the inner optimizer has moving averages of the weights."""
        return bool(getattr(self.inner_optimizer, "use_ema", False))

    @property
    def dynamic_scale(self) -> Number:
        """The initial factor; `model.optimizer.dynamic_scale` is the factor of the next step."""
        return self.initial_scale

    def init(self, params: Tree) -> LossScaleState:
        """The state before the first update."""
        scale, counter = jnp.float32(self.initial_scale), jnp.zeros((), jnp.int32)
        return LossScaleState(self.inner_optimizer.init(params), scale, counter)

    def update(
        self, grads: Tree, state: LossScaleState, params: Tree | None = None
    ) -> tuple[Tree, LossScaleState]:
        """One update; the updates are zeros if a gradient is not finite.

        Args:
          grads: gradients of the scaled loss, a tree shaped like `params`.
          state: from `init` or the last `update`.
          params: the parameters.

        Returns:
          The updates, to be added to the parameters, in their dtypes, and the new state.
        """
        import optax

        finite = [jnp.all(jnp.isfinite(gradient)) for gradient in jax.tree.leaves(grads)]

        def step() -> tuple[Tree, LossScaleState]:
            wide = jax.tree.map(numerics.widen, grads)
            scale = state.dynamic_scale
            unscaled = jax.tree.map(lambda g: g / scale.astype(g.dtype), wide)
            updates, inner = self.inner_optimizer.update(unscaled, state.inner, params)
            count = optax.safe_increment(state.step_counter)
            grown = count == self.dynamic_growth_steps
            scale = jnp.where(grown, scale * 2, scale)
            return updates, LossScaleState(inner, scale, jnp.where(grown, 0, count))

        def leave_out() -> tuple[Tree, LossScaleState]:
            nothing = jax.tree.map(jnp.zeros_like, params)
            halved = state.dynamic_scale * 0.5
            return nothing, LossScaleState(state.inner, halved, jnp.zeros((), jnp.int32))

        return jax.lax.cond(jnp.all(jnp.array(finite, bool)), step, leave_out)
