"""A LiteRT file that was converted for one number of examples, opened for any.

The converter makes better files of known sizes: fewer operations, whole ones for a softmax or a
bias, and as much as ten times the speed. The batch is a number that nothing else in a network is,
so it is found again in the file, and replaced by an open axis. This file runs in the converter's
process, without jkeras.
"""

from __future__ import annotations

from typing import Any

import numpy as np

NUMBERS = (251, 257, 263, 269, 271, 277)
"""Numbers of examples: primes, so that their multiples are known, too."""


def opened_batch(content: bytes, number: int) -> bytes:
    """The content of a file for any number of examples.

    Args:
      content: of a file for this number of examples.
      number: one of `NUMBERS` of which no other size in the file is a multiple.

    Operations that hold the number in a way that this function does not know keep it: then the file
    does not run for others.
    """
    import flatbuffers
    from litert_converter import schema_py_generated as schema

    model: Any = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(content), 0))
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    for graph in model.subgraphs:
        buffers = [model.buffers[tensor.buffer] for tensor in graph.tensors]
        for operation in graph.operators:
            _open(schema.BuiltinOperator, codes[operation.opcodeIndex], operation, buffers, number)
        for tensor, buffer in zip(graph.tensors, buffers, strict=True):
            if not _is_constant(buffer) and tensor.shape is not None:
                known, tensor.shapeSignature = np.array(tensor.shape), _opened(tensor.shape, number)
                tensor.shape = np.where(tensor.shapeSignature < 0, known // number, known)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _open(operators: Any, code: int, operation: Any, buffers: list[Any], number: int) -> None:
    """Opens the sizes that an operation has among its constants."""
    place = {operators.RESHAPE: 1, operators.SLICE: 2, operators.STRIDED_SLICE: 2}.get(code)
    if place is None or not _is_constant(buffer := buffers[operation.inputs[place]]):
        return
    sizes = np.frombuffer(bytes(buffer.data), np.int32)
    if code == operators.STRIDED_SLICE:  # up to the end
        for axis in np.flatnonzero(sizes == number):
            operation.builtinOptions.endMask |= 1 << int(axis)
        return
    buffer.data = np.frombuffer(_opened(sizes, number).tobytes(), np.uint8)
    if code == operators.RESHAPE:
        operation.builtinOptions, operation.builtinOptionsType = None, 0


def _opened(sizes: np.ndarray, number: int) -> np.ndarray:
    sizes = np.array(sizes, np.int32)
    return np.where((sizes > 0) & (sizes % number == 0), -1, sizes).astype(np.int32)


def _is_constant(buffer: Any) -> bool:
    return buffer.data is not None and len(buffer.data) > 0
