"""StableHLO: a model as one program of `jax.export`, which JAX alone runs, on any platform.

    from jax import export

    with open("model.stablehlo", "rb") as file:
        model = export.deserialize(bytearray(file.read()))
    outputs = model.call(input=x)  # a dict by the outputs' names; model.in_tree has the inputs'

The file is what `jax.export` serializes, so a process needs jax and flatbuffers, not jkeras. Behind
it stands what `load_exported` reads: a JSON text with the names in order and the versions that
wrote the file, its length, and a mark; JAX does not look there.

Laws: the weights are in the file, once, however many platforms it is for; where a layer has a
formulation of its own for a platform, the program for that platform has it.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib
import json
import os
import pathlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.tree_util import PyTreeDef

from jkeras.core.errors import value_error
from jkeras.core.folders import atomic_write
from jkeras.core.platform import check_platform, programs_for
from jkeras.core.trees import dtype_of, path_names
from jkeras.export.inference import Inference, TensorSpec, explained
from jkeras.export.loading import Program
from jkeras.export.verification import check

if TYPE_CHECKING:
    from jax.export import Exported

PLATFORMS = ("cpu", "cuda", "tpu")
"""What a file is for when nothing is said."""

_MARK, _VERSION = b"jkeras\x00\x01", 1

COMPATIBILITY = (
    "JAX runs a file with releases up to 6 months newer, and up to 3 weeks older, than the one "
    "that wrote it. To keep a model for longer, keep the .keras file and export it anew."
)
_LARGE = 2**24
"""Bytes of a program that is not worth keeping on disk once more, compiled."""

_LARGEST = 2**31 - 2**20
"""Bytes that flatbuffers can hold, less some for the program."""


def write(
    inference: Inference,
    path: str | os.PathLike[str],
    *,
    platforms: Sequence[str] | None = None,
    verify: bool = True,
) -> None:
    """Writes a model as a program for JAX.

    Args:
      inference: the model.
      path: of the file.
      platforms: some of "cpu", "cuda", "rocm", "tpu"; all but "rocm" when left out.
      verify: whether the file is run here and compared with the model before it takes its name;
        one of the platforms must be this process's.

    Raises:
      ValueError: an unknown platform; the outputs differ; the model needs numbers for its open
        axes; the weights have more than two gigabytes.
      ImportError: flatbuffers is missing.
    """
    platforms = tuple(platforms or PLATFORMS)
    for platform in platforms:
        check_platform("export", platform)
    if verify and not _runs_here(platforms):
        raise value_error(
            who="export",
            argument="platforms",
            expected=f"this process's ({_here()}) among them, to verify the file",
            got=", ".join(platforms),
            fix="Add it, or export with verify=False.",
        )
    data = serialized(inference, platforms)
    if verify:

        def run_part(part: Inference) -> Callable[[list[np.ndarray]], Sequence[Any]]:
            return _opened(serialized(part, platforms), "a part").run

        check(inference, _opened(data, str(path)).run, who="StableHLO", find_layer=run_part)
    atomic_write(path, lambda file: file.write(data))


def serialized(inference: Inference, platforms: Sequence[str]) -> bytes:
    """The content of a file: the program, and what is known of it."""
    export = _jax_export()
    size = sum(np.size(x) * np.dtype(x.dtype).itemsize for x in jax.tree.leaves(inference.params))
    if size > _LARGEST:
        expected = "weights of less than 2 GB, which JAX's format can hold"
        raise value_error(who="export", expected=expected, got=f"{size / 1e9:.1f} GB")
    names = [spec.name for spec in inference.inputs]
    program = jax.jit(_program(inference, platforms))
    with explained("StableHLO", inference):
        exported = export.export(program, platforms=list(platforms))(
            **dict(zip(names, inference.specs(), strict=True))
        )
    about = {
        "format": _VERSION,
        "name": inference.name,
        "inputs": [_as_json(spec) for spec in inference.inputs],
        "outputs": [_as_json(spec) for spec in inference.outputs],
        "least": dict(inference.least),
        "platforms": list(platforms),
        "jax": jax.__version__,
        "calling_convention_version": exported.calling_convention_version,
        "written": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "compatibility": COMPATIBILITY,
    }
    text = json.dumps(about).encode()
    return bytes(exported.serialize()) + text + len(text).to_bytes(8, "little") + _MARK


def _program(inference: Inference, platforms: Sequence[str]) -> Callable[..., Any]:
    """The model as a function of named arrays, with one formulation for each platform that has its
    own.
    """
    names = [spec.name for spec in inference.inputs]
    outputs = [spec.name for spec in inference.outputs]

    def model(**inputs: Any) -> dict[str, Any]:
        arrays = (inference.params, inference.state, *(inputs[name] for name in names))
        if len(formulations) == 1:
            (run,) = formulations.values()
            return dict(zip(outputs, run(*arrays), strict=True))
        # The weights are operands: they are in the module once.
        *special, (_, default) = formulations.items()
        branches = {platform: run for group, run in special for platform in group}
        results = jax.lax.platform_dependent(*arrays, **branches, default=default)
        return dict(zip(outputs, results, strict=True))

    formulations = _formulations(inference, platforms)
    model.__name__ = "".join(c if c.isalnum() else "_" for c in inference.name)
    return model


def _formulations(
    inference: Inference, platforms: Sequence[str]
) -> dict[tuple[str, ...], Callable[..., Any]]:
    """What is traced for the model, by the platforms that it is for."""
    by_text: dict[str, list[str]] = {}
    for platform in platforms:
        with programs_for(platform), explained("StableHLO", inference):
            text = re.sub("0x[0-9a-f]+", "", str(inference.traced()[0]))  # without addresses
            by_text.setdefault(text, []).append(platform)

    def formulated(platform: str) -> Callable[..., Any]:
        def run(*arrays: Any) -> tuple[Any, ...]:
            with programs_for(platform):
                return inference.apply(*arrays)

        return run

    return {tuple(alike): formulated(alike[0]) for alike in by_text.values()}


def load(path: str | os.PathLike[str]) -> Program:
    """Opens a file that `write` or `jax.export` wrote.

    Raises:
      ValueError: it is damaged, none of these, or made by a newer JAX.
      ImportError: flatbuffers is missing.
    """
    return _opened(pathlib.Path(path).read_bytes(), f"load_exported: {str(path)!r}")


def _opened(data: bytes, who: str) -> Program:
    module, about = _parted(data, who)
    export = _jax_export()
    newest = export.maximum_supported_calling_convention_version
    try:
        exported = export.deserialize(bytearray(module))
    except Exception as error:  # of whatever part of the damaged file is read first
        expected = "a model that jkeras or jax.export wrote, or an .onnx or .tflite file"
        got = f"a damaged file or another kind ({type(error).__name__})"
        raise value_error(who=who, expected=expected, got=got) from None
    if exported.calling_convention_version > newest or about.get("format", _VERSION) > _VERSION:
        raise value_error(
            who=who,
            expected=f"a file that jax {jax.__version__} can read",
            got=f"one of a newer version (jax {about.get('jax', 'unknown')})",
            fix="Update jax and jkeras, or export the model with this version.",
        )
    inputs = _specs(about.get("inputs"), exported.in_avals, _arguments(exported))
    outputs = _specs(about.get("outputs"), exported.out_avals, exported.out_tree)
    call = _runner(exported, inputs, outputs)

    def run(arrays: list[np.ndarray]) -> Sequence[Any]:
        if not _runs_here(exported.platforms):
            raise value_error(
                who=who,
                expected=f"a program for {_here()}, on which this process runs",
                got=f"one for {', '.join(exported.platforms)}",
                fix=f"Export it with platforms=[{_here()!r}].",
            )
        wide = [spec.dtype for spec in (*inputs, *outputs) if dtype_of(spec.dtype) != spec.dtype]
        if wide:
            raise value_error(
                who=who,
                expected=f"JAX to have {wide[0]}, as the program",
                got="its mode of 32 bits",
                fix="Before the first array: jax.config.update('jax_enable_x64', True).",
            )
        try:
            return call(arrays)
        except Exception as error:  # of whatever class: it is raised again, with a note
            wrote = about.get("jax", jax.__version__)
            if wrote != jax.__version__:
                error.add_note(f"jax {wrote} wrote it, here is {jax.__version__}. {COMPATIBILITY}")
            raise

    return Program(inputs, outputs, exported.platforms, run, about)


def _parted(data: bytes, who: str) -> tuple[bytes, dict[str, Any]]:
    """The serialized program, and what is known of it: nothing in a file of plain `jax.export`."""
    if not data.endswith(_MARK):
        return data, {}
    end = len(data) - len(_MARK) - 8
    start = end - int.from_bytes(data[end : end + 8], "little")
    try:
        about = json.loads(data[start:end])
    except ValueError:
        raise value_error(who=who, expected="an exported model", got="a damaged file") from None
    return data[:start], about


def _arguments(exported: Exported) -> PyTreeDef:
    """The structure of the arguments by name, or by position where there are none."""
    args, kwargs = jax.tree.unflatten(exported.in_tree, exported.in_avals)
    return jax.tree.structure(kwargs or args)


def _specs(
    known: list[dict[str, Any]] | None, avals: Sequence[Any], structure: PyTreeDef
) -> tuple[TensorSpec, ...]:
    """The inputs or outputs as the file names them, or as JAX knows them."""
    if known is not None:
        return tuple(TensorSpec(s["name"], tuple(s["shape"]), s["dtype"]) for s in known)
    paths = jax.tree_util.tree_leaves_with_path(jax.tree.unflatten(structure, avals))
    return tuple(
        TensorSpec(
            "/".join(path_names(path)) or "output",
            tuple(n if isinstance(n, int) else str(n) for n in aval.shape),
            aval.dtype.name,
        )
        for path, aval in paths
    )


def _runner(
    exported: Exported, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> Callable[[list[np.ndarray]], Sequence[Any]]:
    call = jax.jit(exported.call)
    by_name = bool(jax.tree.unflatten(exported.in_tree, exported.in_avals)[1])

    large = len(exported.mlir_module_serialized) > _LARGE
    names = [spec.name for spec in inputs]

    def run(arrays: list[np.ndarray]) -> Sequence[Any]:
        with _not_kept_on_disk() if large else contextlib.nullcontext():
            results = call(**dict(zip(names, arrays, strict=True))) if by_name else call(*arrays)
        if by_name and isinstance(results, dict):
            return [np.asarray(results[spec.name]) for spec in outputs]
        return [np.asarray(result) for result in jax.tree.leaves(results)]

    return run


@contextlib.contextmanager
def _not_kept_on_disk() -> Iterator[None]:
    """Leaves programs out of JAX's cache on disk: with 200 MB of weights inside, compressing one
    takes 17 seconds, and compiling it 7.
    """
    setting = "jax_persistent_cache_min_compile_time_secs"
    before = getattr(jax.config, setting)
    jax.config.update(setting, float("inf"))
    try:
        yield
    finally:
        jax.config.update(setting, before)


def _as_json(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "shape": list(spec.shape), "dtype": spec.dtype}


def _runs_here(platforms: Sequence[str]) -> bool:
    backend = jax.default_backend()
    return backend in platforms or (backend == "gpu" and {"cuda", "rocm"} & {*platforms} != set())


def _here() -> str:
    """The platform of this process, by the name that exports have."""
    backend = jax.default_backend()
    return "cuda" if backend == "gpu" else backend


def _jax_export() -> Any:
    """`jax.export`, with what it needs to write and read files."""
    try:
        importlib.import_module("flatbuffers")
    except ImportError as error:
        raise ImportError(
            "StableHLO files need flatbuffers: pip install 'jkeras[stablehlo]'"
        ) from error
    from jax import export

    return export
