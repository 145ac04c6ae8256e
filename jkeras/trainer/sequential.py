"""`Sequential`: layers in a row, with everything a Trainer does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jkeras.core.errors import describe, named_arguments
from jkeras.core.layer import Layer
from jkeras.models.chain import Chain, instead_of
from jkeras.trainer.base import Trainer
from jkeras.trainer.shapes import is_input
from jkeras.training.state import TrainState


class Sequential(Trainer):
    """A model whose layers run one after the other.

    Args:
      layers: the layers, in order. They can be added later, too. With an `Input` in front (or an
        `input_shape` on the first layer) the weights exist at once, else from the first data on.
      name: shown in the summary.
      seed: as for `Trainer`.

    Raises:
      TypeError: something else than a layer is in the list; the message gives its position.

    Example:
      >>> from jkeras.layers import Dense, Input
      >>> model = Sequential([Input((4,)), Dense(8, activation="relu"), Dense(1)], seed=0)
      >>> model.count_params(), [layer.name for layer in model.layers]
      (49, ['dense', 'dense_1'])

    Source: `keras.Sequential`.
    """

    @named_arguments
    def __init__(
        self,
        layers: Iterable[Layer] | None = None,
        *,
        name: str | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(Chain(()), seed=seed, name=name or "sequential")
        self._given: list[Layer] = []
        if layers is not None:
            self._set(list(layers) if isinstance(layers, Iterable) else [layers])

    def add(self, layer: Any) -> None:
        """Appends a layer. Weights that exist stay; the new layer's are made when they are needed.

        Raises:
          TypeError: it is not a layer.
        """
        if not isinstance(layer, Layer):
            fix = instead_of(layer)
            raise TypeError(f"{self._who}: add: expected a layer, got {describe(layer)}. {fix}")
        self._set([*self._given, layer])

    def pop(self) -> Layer:
        """Removes the last layer and returns it.

        Raises:
          ValueError: there is none.
        """
        if not self._given:
            raise ValueError(f"{self._who}: pop: expected at least one layer, got none.")
        last = self.net.layers[-1]
        self._set(self._given[:-1])
        return last

    def _set(self, layers: list[Layer]) -> None:
        """Takes these layers, and keeps the values of those that have some already.

        When a layer does not fit behind the others, the model stays as it was.
        """
        before = (self._net, self._given, self._values, self._specs, self._made)
        net = self._chain(layers)
        names = {id(given): str(layer.name) for given, layer in self._pairs()}
        self._net, self._given, self._made = net, layers, None
        if not layers:
            self._values = self._specs = None
        if self._values is None or self._specs is None:
            return
        try:
            old, self._values = self._values, None
            self.build(*self._specs)
            self._take_over(old, names)
        except BaseException:
            self._net, self._given, self._values, self._specs, self._made = before
            raise

    def _pairs(self) -> list[tuple[Layer, Layer]]:
        """Each layer as it was given, and as it is named in the model."""
        return list(zip(self._given, self.net.layers, strict=True))

    def _chain(self, layers: list[Layer]) -> Chain:
        """The layers as a description; errors speak of this model."""
        try:
            return Chain(tuple(layers))
        except (TypeError, ValueError) as error:
            raise type(error)(f"{self._who}: {str(error).removeprefix('Chain: ')}") from None

    def _take_over(self, old: TrainState, names: dict[int, str]) -> None:
        """Puts the values of layers that were there before, under the names they had, in place."""
        values = self._need_values()
        params, state = dict(values.params), dict(values.state)
        for given, layer in self._pairs():
            for new, had in ((params, old.params), (state, old.state)):
                if layer.name in new and names.get(id(given)) in had:
                    new[str(layer.name)] = had[names[id(given)]]
        self._values = values.replace(params=params, state=state)

    def _build_if_known(self) -> None:
        if self._specs is not None or not self._given:
            return
        first = self._given[0]
        if is_input(first):
            self.build(first)
        elif first.input_shape is not None:
            self.build((None, *first.input_shape))
