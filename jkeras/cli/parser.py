"""What the commands take."""

from __future__ import annotations

import argparse
import dataclasses
import re
from typing import Any, NoReturn, TypeAlias

from jkeras.cli import commands
from jkeras.serving.options import Options

_MODEL = "a .keras file, or an exported one (.onnx, .tflite, StableHLO)"
_UNSAFE = "run code in the file (a Lambda), and read HDF5 by h5py; only for files that you trust"


Commands: TypeAlias = "argparse._SubParsersAction[Any]"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:  # one line, not the usage
        self.exit(2, f"{self.prog}: {message}. See {self.prog} --help.\n")


def made_parser() -> argparse.ArgumentParser:
    """The parser of the command line; `args.run` is the function of the command."""
    parser = _Parser(prog="jkeras", description="Models from the shell.")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    adder = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_predict(adder)
    _add_summary(adder)
    _add_export(adder)
    _add_convert(adder)
    _add_serve(adder)
    return parser


def _add_predict(adder: Commands) -> None:
    parser = adder.add_parser(
        "predict",
        help="the outputs of a model for files of data",
        description="Writes the outputs of a model for data: .npy, .npz, .csv, .json or images.",
        epilog="example: python -m jkeras predict digits.keras *.png --scale 0.00392 -o out.csv",
    )
    parser.add_argument("model", help=_MODEL)
    parser.add_argument(
        "inputs", nargs="+", metavar="[NAME=]FILE",
        help="the data; NAME for one of several inputs; several images are one batch",
    )  # fmt: skip
    parser.add_argument("-o", "--output", help=".npy, .npz, .csv or .json; JSON on stdout if none")
    parser.add_argument(
        "--batch-size", type=int, default=32, help="examples per batch (%(default)s)"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="factor of the values of images")
    parser.add_argument("--resize", action="store_true", help="images in the size of the model")
    parser.add_argument("--classes", action="store_true", help="the largest class of each output")
    parser.set_defaults(run=commands.predict)


def _add_summary(adder: Commands) -> None:
    parser = adder.add_parser("summary", help="the layers of a model, or what a file takes")
    parser.add_argument("model", help=_MODEL)
    parser.add_argument("--unsafe", action="store_true", help=_UNSAFE)
    parser.set_defaults(run=commands.summary)


def _add_export(adder: Commands) -> None:
    parser = adder.add_parser(
        "export",
        help="a model as ONNX, LiteRT, StableHLO or a web page",
        epilog="example: python -m jkeras export digits.keras digits.onnx --quantize float16",
    )
    parser.add_argument("model", help="a .keras file")
    parser.add_argument("output", help="the file to write; for a web page the folder")
    parser.add_argument("--format", help="stablehlo, onnx, litert or web; by the ending if none")
    parser.add_argument(
        "--signature", action="append", metavar="SIZES",
        help="the shape of an input, '?,28,28,1', with ? or a name for an open axis; once for each",
    )  # fmt: skip
    parser.add_argument("--quantize", help="int8 or float16, where the format has it")
    parser.add_argument("--no-verify", action="store_true", help="do not compare with the model")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    parser.add_argument("--unsafe", action="store_true", help=_UNSAFE)
    parser.set_defaults(run=commands.export)


def _add_convert(adder: Commands) -> None:
    parser = adder.add_parser(
        "convert",
        help="a model or its weights in another kind of file",
        description="Between .keras, .h5, .weights.h5, .safetensors, .msgpack, and to exports.",
        epilog="example: python -m jkeras convert weights.safetensors new.keras --model old.keras",
    )
    parser.add_argument("source", help="the file to read")
    parser.add_argument("output", help="the file to write, its kind by its ending")
    parser.add_argument("--model", help="the .keras file of the model whose weights `source` holds")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    parser.add_argument("--unsafe", action="store_true", help=_UNSAFE)
    parser.set_defaults(run=commands.convert)


def _add_serve(adder: Commands) -> None:
    parser = adder.add_parser(
        "serve",
        help="models behind HTTP, in TensorFlow Serving's JSON form",
        epilog="example: python -m jkeras serve digits.keras; curl "
        "localhost:8501/v1/models/digits:predict -d '{\"instances\": [[0.1, 0.2]]}'",
    )
    parser.add_argument("models", nargs="+", metavar="[NAME=]FILE", help=_MODEL)
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 for all (%(default)s)")
    parser.add_argument("--port", type=int, default=8501, help="0 for any free one (%(default)s)")
    for field in dataclasses.fields(Options):
        kind = int if isinstance(field.default, int) else float
        flag = "--" + field.name.replace("_", "-")
        text = f"{_text_of(field.name)} (%(default)s)"
        parser.add_argument(flag, type=kind, default=field.default, help=text)
    parser.set_defaults(run=commands.serve)


def _text_of(option: str) -> str:
    """What the docstring of `Options` says of an attribute."""
    (found,) = re.findall(rf"^ +{option}: (.+)\.$", str(Options.__doc__), re.MULTILINE)
    return str(found)
