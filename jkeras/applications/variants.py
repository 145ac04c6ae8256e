"""One function for each network of a family, from the family's builder and a row of its table.

    ResNet50 = variant(build, "ResNet50", Sizes(...), name="resnet50", source=...)

A builder takes the sizes first and then Keras's arguments; a variant takes Keras's arguments, in
Keras's order and with Keras's defaults.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from jkeras.core.errors import named_arguments
from jkeras.trainer import Model

P = ParamSpec("P")
S = TypeVar("S")

ARGUMENTS = {
    "include_top": "whether the classifier follows the last convolution.",
    "include_preprocessing": "whether the first layers scale pixels of 0 to 255.",
    "weights": 'None for random ones, "imagenet" for those that Keras publishes, or a path to a '
    "file that Keras or `save_weights` wrote.",
    "input_tensor": "a symbol that takes the place of the input, such as the outputs of a layer.",
    "input_shape": "the shape of one image, at least {min_size} pixels high and wide.",
    "pooling": 'without the classifier: "avg" or "max" over height and width; None for neither.',
    "classes": "how many there are; 1000 with the classifier of ImageNet.",
    "classifier_activation": "a name or a function; None for logits.",
    "alpha": "the number of channels, relative to the published network.",
    "depth_multiplier": "the channels that each channel of a depthwise convolution gives.",
    "dropout": "the rate before the classifier.",
    "dropout_rate": "the rate before the classifier.",
    "minimalistic": "leave out squeeze-and-excite, hard-swish and kernels of 5.",
    "name": "of the model.",
}
"""What each argument means, in every family that has it."""


def variant(
    build: Callable[Concatenate[S, P], Model],
    label: str,
    sizes: S,
    *,
    source: str,
    name: str | None = None,
    min_size: int = 32,
) -> Callable[P, Model]:
    """The function that builds one network of a family.

    Args:
      build: the family's builder.
      label: the name of the function.
      sizes: its row of the family's table.
      source: the paper.
      name: the default name of its models; None for the one that the builder makes.
      min_size: the least height and width of images.
    """
    signature = inspect.signature(build)
    parameters = list(signature.parameters.values())[1:]
    if name is not None:
        parameters = [p.replace(default=name) if p.name == "name" else p for p in parameters]

    def network(*args: P.args, **kwargs: P.kwargs) -> Model:
        if name is not None:
            options: dict[str, Any] = kwargs
            by_position = len(args) >= len(parameters)
            if not by_position:
                options.setdefault("name", name)
        return build(sizes, *args, **kwargs)

    network.__name__ = network.__qualname__ = label
    network.__module__ = build.__module__
    described = "\n".join(
        f"  {p.name}: {ARGUMENTS[p.name].format(min_size=min_size)}" for p in parameters
    )
    network.__doc__ = (
        f"{label} as a model, with or without its classifier.\n\nArgs:\n{described}\n\n"
        "Raises:\n  ValueError: an argument does not fit; the message says which and how.\n\n"
        f"Source: {source}; `keras.applications.{label}`.\n"
    )
    setattr(network, "__signature__", signature.replace(parameters=parameters))  # noqa: B010
    return named_arguments(network)
