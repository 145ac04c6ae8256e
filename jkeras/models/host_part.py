"""The part of a model that runs on the host: words become ids before a program sees them.

    title = Input((1,), dtype="string")
    x = Embedding(100, 8)(TextVectorization()(title))    # the program begins with ids
    model.predict(["a good film"])                       # words: the host part runs first

A layer that takes words (`layers.on_host`) stands in a model twice: its first half here, on the
inputs as the user gives them, its second half in the program, on the ids. So the program of a model
of words has entrances of its own: the inputs that are numbers, then the ids of each call of such a
layer. `host_of(net).encoded(x)` turns the first into the second, and leaves entrances as they are.

Laws: only an `Input` gives words, so the first half needs nothing of the program; a model in a
model takes part if its inputs are inputs of the whole; `fit`, `predict`, streams and calls on
arrays all come through `encoded`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jkeras.core.errors import WrongTypeError, describe, value_error
from jkeras.core.operations import Template, template
from jkeras.core.symbols import Symbol
from jkeras.core.trees import Tree, is_words
from jkeras.core.words import as_words, holds_words
from jkeras.layers.on_host import MADE_ON_HOST, OnHost
from jkeras.models.chain import Chain, front_and_first
from jkeras.models.wiring import Call, Wiring

if TYPE_CHECKING:
    from jkeras.core.layer import Layer
    from jkeras.layers.input import InputLayer


class HostCall(NamedTuple):
    """One call of a layer that takes words.

    Attributes:
      layer: its position among the layers.
      holes: the numbers of the inputs that it takes.
      numbers: those of what it gives to the program.
    """

    layer: int
    holes: tuple[int, ...]
    numbers: tuple[int, ...]


class HostPart(NamedTuple):
    """What of a graph runs on the host.

    Attributes:
      calls: in order.
      kept: the numbers of the inputs that are numbers, which are entrances of the program.
      program: the calls of the program, those above with ids in the place of words.
    """

    calls: tuple[HostCall, ...]
    kept: tuple[int, ...]
    program: tuple[Call, ...]

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the program's entrances, in order."""
        return (*self.kept, *(number for call in self.calls for number in call.numbers))


def split(who: str, wiring: Wiring) -> HostPart | None:
    """What of a graph runs on the host; None where no input is of words.

    Args:
      who: the graph, for messages.
      wiring: its layers and calls.

    Raises:
      ValueError: words are an output, or go into a layer together with what the program computes.
    """
    fronts = [wiring.layers[position] for position in wiring.front]
    words = {number for number, layer in enumerate(fronts) if is_words(layer.dtype)}
    if not words:
        return None
    if words.intersection(wiring.outputs.holes):
        raise value_error(
            who=who, expected="numbers as outputs", got="strings, which cannot leave a program"
        )
    following = max(
        [len(fronts), *(1 + number for call in wiring.calls for number in call.outputs)]
    )
    host, program = [], []
    for call in wiring.calls:
        holes, layer = call.arguments.holes, wiring.layers[call.layer]
        if not words.intersection(holes):
            program.append(call)
            continue
        if any(hole >= len(fronts) for hole in holes):
            raise value_error(
                who=layer.who,
                expected="inputs of the model beside strings",
                got="what a layer computes",
                fix="Strings are encoded before the program: give the layer an Input for each.",
            )
        count = _entrance_count(layer)
        numbers = tuple(range(following, following + count))
        following += count
        host.append(HostCall(call.layer, tuple(holes), numbers))
        program.append(call._replace(arguments=_with_entrances(call.arguments, numbers)))
    kept = tuple(number for number in range(len(fronts)) if number not in words)
    return HostPart(tuple(host), kept, tuple(program))


def _entrance_count(layer: Layer) -> int:
    """How many entrances a layer that takes words has in a program."""
    if isinstance(layer, Chain):
        return _entrance_count(front_and_first(layer)[1])
    part = getattr(layer, "host_part", None)
    return 1 if part is None else len(part.numbers)


def _with_entrances(arguments: Template, numbers: Sequence[int]) -> Template:
    """The arguments of a call with the ids in the place of all inputs; options stay."""
    _, options = arguments.filled(dict.fromkeys(arguments.holes))
    symbols = tuple(Symbol(()) for _ in numbers)
    return template((symbols, options))[0].renumbered(list(numbers))


def entrances(graph: Any, args: Sequence[Symbol]) -> list[Any]:
    """The entrances of a graph's program, as symbols, for symbols of its inputs."""
    part: HostPart = graph.host_part
    found: list[Any] = [args[number] for number in part.kept]
    for call in part.calls:
        layer = graph.layers[call.layer]
        found += layer.entrances(tuple(args[hole] for hole in call.holes))
    return found


def names_on_host(net: Any) -> list[str]:
    """The names of the layers of a model that take words."""
    if not getattr(net, "takes_words", False):
        return []
    if isinstance(net, OnHost):
        return [str(net.name)]
    if isinstance(net, Chain):
        return names_on_host(front_and_first(net)[1])
    layers = [net.layers[call.layer] for call in net.host_part.calls]
    return list(dict.fromkeys(name for layer in layers for name in names_on_host(layer)))


# -- running


class Host:
    """Runs the host part of a model.

    Args:
      run_fn: from the inputs, in the structure a user gives them in, to the program's entrances.
    """

    def __init__(self, run_fn: Callable[[Any], list[Any]]) -> None:
        self._run_fn = run_fn

    def encoded(self, x: Tree) -> Any:
        """The program's entrances, a tuple of several or the one, for inputs of words.

        Args:
          x: what a user gives to `fit` or `predict`; the entrances themselves stay.

        Raises:
          TypeError, ValueError: other inputs than the model's, or a layer without a vocabulary.
        """
        if are_entrances(x):
            return x
        found = self._run_fn(x)
        return found[0] if len(found) == 1 else tuple(found)


def are_entrances(x: object) -> bool:
    """Whether inputs have gone through the host: ids are among them that it made."""
    if isinstance(x, Mapping):
        x = list(x.values())
    if not isinstance(x, tuple | list):
        return getattr(x, "dtype", None) == MADE_ON_HOST
    few = x[:64]  # a list may hold all texts
    nested = (part for part in few if isinstance(part, tuple | list | Mapping))
    return any(getattr(part, "dtype", None) == MADE_ON_HOST for part in few) or any(
        map(are_entrances, nested)
    )


def host_of(net: Any) -> Host | None:
    """What runs the host part of a model; None for a model that takes no words.

    Args:
      net: a description.
    """
    if not getattr(net, "takes_words", False):
        return None
    if isinstance(net, OnHost):
        return Host(lambda x: _ids(net, None, x))
    if isinstance(net, Chain):
        front, first = front_and_first(net)
        inner = None if isinstance(first, OnHost) else host_of(first)
        return Host(lambda x: _ids(first, front, x)) if inner is None else inner
    return Host(lambda x: _run_graph(net, x))


def _ids(layer: OnHost, front: InputLayer | None, x: Tree) -> list[Any]:
    """The ids of the inputs of a layer in front; numbers stay, where it takes them too."""
    is_single = isinstance(x, tuple | list) and len(x) == 1 and hasattr(x[0], "shape")
    x = x[0] if is_single else x
    if front is None and layer.takes_numbers and not holds_words(_first(x)):
        return list(x) if isinstance(x, tuple) else [x]
    layer.check_ready({})
    several = isinstance(x, tuple) and layer.takes_several
    inputs = [_in_rank(front, part) for part in (x if several else [x])]
    return [layer.encoded(*inputs)]


def _first(x: Tree) -> Any:
    return x[0] if isinstance(x, tuple) and x else x


def _in_rank(front: Any, x: Tree) -> Any:
    """Words in the rank of their `Input`: as in Keras, a last axis of one comes or goes."""
    if not holds_words(x) or front is None:
        return x
    words, shape = as_words(x), front.batch_shape
    if words.ndim == len(shape):
        return words
    if words.ndim == len(shape) - 1 and words.ndim and shape[-1] in (1, None):
        return words[..., None]
    if words.ndim == len(shape) + 1 and words.shape[-1] == 1:
        return words[..., 0]
    fix = " For a single example put it in a list." if words.ndim == 0 else ""
    raise ValueError(f"expected strings of shape {shape}, got {words.shape}.{fix}")


def _run_graph(graph: Any, x: Tree) -> list[Any]:
    """The entrances of a graph's program, for its inputs as a user gives them."""
    fronts = [graph.layers[position] for position in graph.wiring.front]
    given = [_input(front, value) for front, value in zip(fronts, _listed(graph, x), strict=True)]
    found = [given[number] for number in graph.host_part.kept]
    for call in graph.host_part.calls:
        layer = graph.layers[call.layer]
        inputs = [given[hole] for hole in call.holes]
        host = None if isinstance(layer, OnHost) else host_of(layer)
        if host is None:
            layer.check_ready({})
            found.append(layer.encoded(*inputs))
            continue
        inner = host.encoded(inputs[0] if len(inputs) == 1 else inputs)
        found += list(inner) if isinstance(inner, tuple) else [inner]
    return found


def _input(front: Any, value: Tree) -> Any:
    """One input of a graph: words in the rank of its `Input`, numbers as an array."""
    if not is_words(front.dtype):
        is_listed = isinstance(value, list | tuple) or hasattr(value, "to_numpy")
        array = np.asarray(value) if is_listed else value
        if is_words(getattr(array, "dtype", None)):  # gaps, of which the checks of data speak
            return value
        is_flat = getattr(array, "ndim", 0) == len(front.batch_shape) - 1 and array.ndim
        column = is_flat and front.batch_shape[-1] == 1 and hasattr(array, "reshape")
        return array.reshape((*array.shape, 1)) if column else array
    if not holds_words(value):
        raise WrongTypeError(f"`{front.name}`: expected strings, got {describe(value)}.")
    try:
        return _in_rank(front, value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"`{front.name}`: {error}") from None


def _listed(graph: Any, x: Tree) -> list[Any]:
    """One value for each input of a graph, from how a user gives them."""
    names = graph.input_names
    if isinstance(x, tuple | list) and len(x) == 1:
        if isinstance(x[0], Mapping | tuple) or hasattr(x[0], "shape"):
            return _listed(graph, x[0]) if len(names) > 1 or isinstance(x[0], Mapping) else [x[0]]
    if isinstance(x, Mapping):
        return _by_name(graph, x, names)
    if len(names) == 1:
        return [x]
    if not isinstance(x, tuple | list) or len(x) != len(names):
        got = len(x) if isinstance(x, tuple | list) else describe(x)
        expected = f"{len(names)} inputs ({', '.join(names)})"
        raise value_error(who=graph.who, expected=expected, got=got)
    return list(x)


def _by_name(graph: Any, x: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """The values of a dict in the order of the inputs; errors are those of `arranged_inputs`."""
    if set(x) >= set(names):
        return [x[name] for name in names]
    return list(graph.arranged_inputs([dict(x)]))
