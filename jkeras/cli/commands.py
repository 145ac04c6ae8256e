"""What each command does with its arguments."""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
from typing import Any

import numpy as np

from jkeras.cli import data_files
from jkeras.core.errors import nearest
from jkeras.export import load_exported
from jkeras.serving import Options, load_servable
from jkeras.serving import serve as run_server
from jkeras.trainer.model_files import load_model

MODEL_ENDINGS = (".keras", ".h5", ".hdf5")
WEIGHT_ENDINGS = (".weights.h5", ".weights.json", ".safetensors", ".msgpack")
EXPORT_ENDINGS = (".onnx", ".tflite", ".stablehlo")


def predict(args: argparse.Namespace) -> None:
    """Writes the outputs of a model for files of data."""
    if args.batch_size < 1:
        raise ValueError(f"--batch-size: expected a positive number, got {args.batch_size}.")
    if args.output is not None:
        data_files.check_writable(args.output)
    model = load_servable(args.model)
    arrays = data_files.read_inputs(args.inputs, model.inputs, args.scale, args.resize)
    model.warm_up(1)
    outputs = model.predict(arrays, args.batch_size)
    if args.classes:
        outputs = [np.argmax(output, axis=-1) for output in outputs]
    named = {spec.name: array for spec, array in zip(model.outputs, outputs, strict=True)}
    data_files.write_outputs(named, args.output)


def summary(args: argparse.Namespace) -> None:
    """Prints the layers of a model, or what an exported file takes and gives."""
    if is_model(args.model):
        load_model(args.model, compile=False, safe_mode=not args.unsafe).summary()
        return
    model = load_exported(args.model)
    for title, specs in {"takes": model.inputs, "gives": model.outputs}.items():
        for spec in specs:
            shape = ", ".join(map(str, spec.shape))
            print(f"{title}  {spec.name}: {spec.dtype} ({shape})")
    print(f"runs on {', '.join(model.platforms)}")


def export(args: argparse.Namespace) -> None:
    """Writes a model for another place."""
    _check_new(args.output, args.overwrite)
    model = load_model(args.model, compile=False, safe_mode=not args.unsafe)
    options = {"verify": False} if args.no_verify else {}
    options |= {"quantize": args.quantize} if args.quantize else {}
    signature = None if args.signature is None else list(map(_shape, args.signature))
    model.export(args.output, args.format, input_signature=signature, **options)


def convert(args: argparse.Namespace) -> None:
    """Writes a model, or its weights, in another kind of file."""
    source, output = args.source, args.output
    known = (*MODEL_ENDINGS, *WEIGHT_ENDINGS, *EXPORT_ENDINGS)
    if not output.endswith(known):
        suffix = "".join(pathlib.Path(output).suffixes[-1:])
        hint = nearest(suffix, known)
        raise ValueError(f"{output}: expected one of the endings {', '.join(known)}.{hint}")
    _check_new(output, args.overwrite)
    if source.endswith(WEIGHT_ENDINGS) and args.model is None:
        raise ValueError(f"{source}: holds weights alone. Say whose: --model MODEL.keras.")
    weights = source if source.endswith(WEIGHT_ENDINGS) else None
    model = load_model(args.model if weights else source, safe_mode=not args.unsafe)
    if weights:
        model.load_weights(weights, safe_mode=not args.unsafe)
    if output.endswith(WEIGHT_ENDINGS):
        model.save_weights(output)
    elif output.endswith(MODEL_ENDINGS):
        model.save(output)
    else:
        model.export(output, verbose=False)


def serve(args: argparse.Namespace) -> None:
    """Serves models until the process is told to stop."""
    options = Options(**{f.name: getattr(args, f.name) for f in dataclasses.fields(Options)})
    models: dict[str, Any] = {}
    for word in args.models:
        name, path = data_files.named(word)
        model = load_servable(path, name)
        if model.name in models:
            raise ValueError(
                f"{path}: expected another name, got a second {model.name!r}. Write NAME={path}."
            )
        models[model.name] = model
    run_server(models, args.host, args.port, options)


def is_model(path: str) -> bool:
    """Whether a path is that of a whole model, and not of an exported file."""
    return path.endswith(MODEL_ENDINGS) or pathlib.Path(path).is_dir()


def _check_new(path: str, overwrite: bool) -> None:
    if pathlib.Path(path).exists() and not overwrite:
        raise FileExistsError(f"{path}: the file exists. Give --overwrite to replace it.")


def _shape(text: str) -> tuple[Any, ...]:
    """`'?,28,28,1'` as `(None, 28, 28, 1)`."""
    words = [word.strip() for word in text.strip("()[] ").split(",") if word.strip()]
    sizes = [
        None if word in ("?", "None") else int(word) if word.isdecimal() else word for word in words
    ]
    for size in sizes:
        if isinstance(size, str) and not size.isidentifier():
            raise ValueError(f"--signature: expected sizes such as '?,28,28,1', got {text!r}.")
    return tuple(sizes)
