"""Keras's operation classes as calls of `jkeras.ops`: `Mean(axis=1)(x)` is `ops.mean(x, axis=1)`.

Keras has a class beside each function of `keras.ops`, and its tests call both. jkeras has no such
classes. The division of a function's arguments between constructor and call is read from the source
of Keras, which is not imported; what computes, and is judged, is the function of `jkeras.ops`.
"""

from __future__ import annotations

import ast
import functools
import inspect
from typing import Any, ClassVar, NamedTuple

import jkeras
from tests.keras_suite.alias import keras_folder


class Form(NamedTuple):
    """How a class of Keras stands to its function.

    Attributes:
      module: the module of `keras.ops` with both.
      function: the name of the function.
      init, call: the signatures of constructor and call, without `self`.
      renamed: arguments whose names differ from those of the function.
    """

    module: str
    function: str
    init: inspect.Signature
    call: inspect.Signature
    renamed: dict[str, str]


class Operation:
    """A function of `jkeras.ops` with some of its arguments: the base of the classes made here."""

    form: ClassVar[Form]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.name = kwargs.pop("name", None) or self.form.function
        bound = self.form.init.bind(*args, **kwargs)
        self.options = self._renamed(bound.arguments)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function of these inputs, arrays or symbols."""
        inputs = self._renamed(self.form.call.bind(*args, **kwargs).arguments)
        place = jkeras.ops.image if self.form.module == "image" else jkeras.ops
        function = getattr(place, self.form.function)
        words = {**inputs, **self.options}
        parameters = inspect.signature(function).parameters
        several = [name for name, p in parameters.items() if p.kind is p.VAR_POSITIONAL]
        if not several:
            return function(**words)
        before = list(parameters)[: list(parameters).index(several[0])]
        values = [words.pop(name) for name in before]
        return function(*values, *words.pop(several[0], words.pop("args", ())), **words)

    call = __call__

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """The same; of arrays the shapes and dtypes alone are looked at."""
        return self(*args, **kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The symbols that the function gives for symbols."""
        return self(*args, **kwargs)

    def _renamed(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {self.form.renamed.get(name, name): value for name, value in arguments.items()}


@functools.cache
def class_named(name: str) -> type[Operation]:
    """The counterpart of a class of Keras.

    Raises:
      AttributeError: Keras has no operation of this name with a function beside it.
    """
    form = forms().get(name)
    if form is None:
        raise AttributeError(f"keras.ops has no class {name!r} beside a function")
    return type(name, (Operation,), {"form": form})


@functools.cache
def forms() -> dict[str, Form]:
    """The forms of all classes in the modules of `keras.ops`."""
    folder = keras_folder()
    assert folder is not None
    found: dict[str, Form] = {}
    for module in ("core", "einops", "image", "linalg", "math", "nn", "numpy"):
        tree = ast.parse((folder / "ops" / f"{module}.py").read_text(encoding="utf-8"))
        classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
            for made in ast.walk(function):
                if isinstance(made, ast.Call) and isinstance(made.func, ast.Name):
                    name = made.func.id
                    if name in classes and name not in found:
                        found[name] = _form(module, function, made, classes)
        for name, node in classes.items():  # another name of a class that came before
            for base in node.bases:
                if isinstance(base, ast.Name) and base.id in found:
                    found.setdefault(name, found[base.id])
    return found


def _form(
    module: str, function: ast.FunctionDef, made: ast.Call, classes: dict[str, ast.ClassDef]
) -> Form:
    """The form of the class that `made`, an expression inside `function`, makes an object of."""
    assert isinstance(made.func, ast.Name)
    init, call = (_signature(made.func.id, method, classes) for method in ("__init__", "call"))
    given = dict(zip(init.parameters, made.args, strict=False))
    given |= {word.arg: word.value for word in made.keywords if word.arg}
    outer = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
        and (
            node.func is made or (isinstance(node.func, ast.Attribute) and node.func.value is made)
        )
    ]
    for node in outer:
        given |= dict(zip(call.parameters, node.args, strict=False))
        given |= {word.arg: word.value for word in node.keywords if word.arg}
    renamed = {name: at.id for name, at in given.items() if isinstance(at, ast.Name)}
    return Form(module, function.name, init, call, renamed)


def _signature(name: str, method: str, classes: dict[str, ast.ClassDef]) -> inspect.Signature:
    """The signature of a method of a class or of its bases in the same file, without `self`."""
    while name in classes:
        for node in classes[name].body:
            if isinstance(node, ast.FunctionDef) and node.name == method:
                return _read(node.args)
        name = next((base.id for base in classes[name].bases if isinstance(base, ast.Name)), "")
    return inspect.Signature()


def _read(arguments: ast.arguments) -> inspect.Signature:
    parameter = inspect.Parameter
    parts, first = [], len(arguments.args) - len(arguments.defaults)
    for n, arg in enumerate(arguments.args[1:], 1):
        default = parameter.empty if n < first else arguments.defaults[n - first]
        parts.append(parameter(arg.arg, parameter.POSITIONAL_OR_KEYWORD, default=default))
    if arguments.vararg:
        parts.append(parameter(arguments.vararg.arg, parameter.VAR_POSITIONAL))
    for arg in arguments.kwonlyargs:
        if arg.arg != "name":
            parts.append(parameter(arg.arg, parameter.KEYWORD_ONLY, default=None))
    return inspect.Signature(parts)
