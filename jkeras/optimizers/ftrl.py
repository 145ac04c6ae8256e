"""Follow the regularized leader: the rule that makes weights exactly zero."""

from __future__ import annotations

import jax.numpy as jnp

from jkeras.core.description import option
from jkeras.optimizers import arguments
from jkeras.optimizers.arguments import Number, Schedule
from jkeras.optimizers.base import Array, Optimizer, Slots


class Ftrl(Optimizer):
    """Each step solves for the weight that minimizes all past linear losses plus penalties.

    With n the sum of the squares of g, from `initial_accumulator_value`, κ = `learning_rate_power`
    and the penalties λ₁, λ₂ and s (shrinkage):

    z ← z + g + 2·s·p - p·(n'^-κ - n^-κ) / η where n' = n + g², then
    p ← (clip(z, -λ₁, λ₁) - z) / (n'^-κ / η + 2·λ₂ + β / η), exactly 0 where |z| ≤ λ₁.

    Args:
      learning_rate_power: κ, at most 0; 0 for a rate that does not fall.
      initial_accumulator_value: n before the first step, at least 0.
      l1_regularization_strength: λ₁, at least 0.
      l2_regularization_strength: λ₂, at least 0: a pull towards zero that does not grow with time.
      l2_shrinkage_regularization_strength: s, at least 0: like a penalty on the loss.
      beta: β of the paper, at least 0.

    The other arguments are `Optimizer`'s. The rule divides by η, so η = 0 gives NaN, as in Keras.

    Differs from Keras: a weight without any gradient so far, from `initial_accumulator_value=0`,
    stays as it is; Keras divides 0 by 0.

    Example:
      >>> rule = Ftrl(0.1, l1_regularization_strength=1.0)
      >>> params, grads = {"kernel": jnp.zeros(2)}, {"kernel": jnp.array([0.9, -3.0])}
      >>> updates, state = rule.update(grads, rule.init(params), params)
      >>> [round(float(update), 4) for update in updates["kernel"]]
      [0.0, 0.0663]

    Source: McMahan et al. 2013, "Ad click prediction: a view from the trenches";
    `keras.optimizers.Ftrl`.
    """

    learning_rate: Number | Schedule = option(default=0.001, convert=arguments.learning_rate)
    learning_rate_power: Number = option(default=-0.5, convert=arguments.non_positive)
    initial_accumulator_value: Number = option(default=0.1, convert=arguments.non_negative)
    l1_regularization_strength: Number = option(default=0.0, convert=arguments.non_negative)
    l2_regularization_strength: Number = option(default=0.0, convert=arguments.non_negative)
    l2_shrinkage_regularization_strength: Number = option(
        default=0.0, convert=arguments.non_negative
    )
    beta: Number = option(default=0.0, convert=arguments.non_negative)

    def first_slots(self, path: str, variable: Array) -> Slots:
        accumulator = jnp.full_like(variable, self.initial_accumulator_value)
        return {"accumulator": accumulator, "linear": jnp.zeros_like(variable)}

    def step(
        self, gradient: Array, variable: Array, slots: Slots, now: dict[str, Array]
    ) -> tuple[Array, Slots]:
        rate, l1 = now["learning_rate"], self.l1_regularization_strength
        accumulator = slots["accumulator"] + gradient * gradient
        before, after = (a**-self.learning_rate_power for a in (slots["accumulator"], accumulator))
        pull = gradient + 2 * self.l2_shrinkage_regularization_strength * variable
        linear = slots["linear"] + (pull - (after - before) / rate * variable)
        # The weight at which the penalised sum is least; the old one where all is zero.
        curvature = after / rate + 2 * (self.l2_regularization_strength + self.beta / (2.0 * rate))
        known = curvature > 0
        least = (jnp.clip(linear, -l1, l1) - linear) / jnp.where(known, curvature, 1)
        new = {"accumulator": accumulator, "linear": linear}
        return jnp.where(known, least, variable) - variable, new
