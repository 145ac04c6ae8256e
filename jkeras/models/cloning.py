"""Models made anew: from another model's description, or from JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from jkeras.core.errors import describe
from jkeras.core.serialization import deserialize_keras_object


def clone_model(
    model: Any,
    input_tensors: None = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """A model of the same layers with fresh weights; the two share nothing.

    Args:
      model: a `Sequential`, a `Model` or a `Trainer`.
      input_tensors, call_function: None.
      clone_function: from a layer to the one that takes its place in the new model; called for
        each layer but the inputs. By default the layer's equal.
      recursive: False; models inside a model are one layer of it.
      **kwargs: none.

    Raises:
      TypeError: it is no model.
      ValueError: an argument has another value, or the model cannot take a `clone_function`.

    Example:
      >>> import jkeras
      >>> model = jkeras.Sequential([jkeras.Input((3,)), jkeras.layers.Dense(2)], seed=0)
      >>> copy = clone_model(model)
      >>> copy.name, copy.count_params(), copy.params is model.params
      ('sequential', 8, False)

    Source: `keras.models.clone_model`.
    """
    if not hasattr(model, "cloned"):
        raise TypeError(f"clone_model: `model`: expected a model, got {describe(model)}.")
    others = {"input_tensors": input_tensors, "call_function": call_function, **kwargs}
    for name, value in {**others, "recursive": recursive or None}.items():
        if value is not None:
            raise ValueError(
                f"clone_model: `{name}`: expected it to be left out, because there is no such way "
                f"here, got {describe(value)}. `clone_function` changes layers."
            )
    return model.cloned(clone_function)


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The model that `model.to_json()` wrote, here or in Keras: fresh weights, compiled as it was.

    Args:
      json_string: the text.
      custom_objects: the user's own classes and functions by name.

    Raises:
      TypeError: it is no text.
      ValueError: it is no JSON, or names something that is not known.

    Example:
      >>> import jkeras
      >>> model = jkeras.Sequential([jkeras.Input((3,)), jkeras.layers.Dense(2)])
      >>> model_from_json(model.to_json()).count_params()
      8

    Source: `keras.models.model_from_json`.
    """
    if not isinstance(json_string, str):
        raise TypeError(
            f"model_from_json: expected the text that to_json() gave, got {describe(json_string)}."
        )
    try:
        config = json.loads(json_string)
    except json.JSONDecodeError as error:
        raise ValueError(f"model_from_json: expected JSON: {error}.") from None
    return deserialize_keras_object(config, custom_objects)
