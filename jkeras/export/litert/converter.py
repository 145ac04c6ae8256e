"""The one door to `litert-converter` and `ai-edge-quantizer`: a program of its own.

    python converter.py FOLDER

FOLDER holds `request.json`: the names of inputs and outputs, and shapes of the inputs to try; and
`module.mlir`, StableHLO as text, or, to quantize, `float.tflite`. It gets `model.tflite`.

The converter, whose interface is internal, and the runtime end the whole process on some modules.
So neither meets a new model in the user's process: what was run here, on zeros of every shape, runs
there.
"""

from __future__ import annotations

import json
import pathlib
import re
import sys
from typing import Any

SIGNATURE = "serving_default"


def convert(text: str, inputs: list[str], outputs: list[str]) -> bytes:
    """The content of a LiteRT file for a module of StableHLO."""
    from litert_converter import converter_api_ext as converter
    from litert_converter.mlir import ir, passmanager

    context = ir.Context()
    converter.prepare_mlir_context(context)
    with context:
        module = ir.Module.parse(text)
        converter.set_signature(module.operation, SIGNATURE, inputs, outputs)
        config = converter.ConvertToTFLConfig()
        # Additions and the like spread their smaller operand; without it they take ten times as
        # long. Called unsafe, since sizes may differ at run time: in programs of JAX they do not.
        config.unsafe_fuse_dynamic_shaped_broadcast = True
        converter.run_convert_to_tfl_passes(module, passmanager.PassManager(), config)
        try:
            content: bytes = converter.export_flatbuffer_to_bytes(module.operation)
        except ValueError as error:
            left = re.findall(r"= \"?((?:stablehlo|mhlo|chlo)\.\w+)", str(module))
            raise ValueError(f"{', '.join(sorted(set(left)))} {error}") from error
    return content


def quantize(content: bytes, kind: str, data: list[dict[str, Any]]) -> bytes:
    """The content of a LiteRT file with weights in int8 or float16.

    Args:
      content: of a file in float32.
      kind: "int8" or "float16".
      data: batches of examples: with them activations are int8, too.
    """
    from ai_edge_quantizer import qtyping, quantizer, recipe_manager

    every, name = {"regex": ".*"}, qtyping.TFLOperationName
    recipe: Any = recipe_manager.RecipeManager()
    if kind == "float16":
        halves = qtyping.TensorQuantizationConfig(16, dtype=qtyping.TensorDataType.FLOAT)
        config = qtyping.OpQuantizationConfig(
            weight_tensor_config=halves,
            compute_precision=qtyping.ComputePrecision.FLOAT,
            explicit_dequantize=True,
        )
        recipe.add_quantization_config(
            **every,
            operation_name=name.ALL_SUPPORTED,
            op_config=config,
            algorithm_key="float_casting",
        )
    elif data:
        recipe.add_static_config(
            **every, operation_name=name.ALL_SUPPORTED, activation_num_bits=8, weight_num_bits=8
        )
        # The ends stay as the model has them; quotients and roots fail where 8 bits say 0.
        for kept in (name.INPUT, name.OUTPUT, name.DIV, name.SQRT, name.RSQRT):
            recipe.add_quantization_config(
                **every, operation_name=kept, algorithm_key="no_quantize"
            )
    else:
        recipe.add_dynamic_config(**every, operation_name=name.ALL_SUPPORTED, num_bits=8)
    worker: Any = quantizer.Quantizer(bytearray(content), recipe.get_quantization_recipe())
    ranges = worker.calibrate({SIGNATURE: data}) if data else None
    return bytes(worker.quantize(ranges, enable_progress_report=False).quantized_model)


def try_shapes(content: bytes, names: list[str], shapes: list[list[list[int]]]) -> None:
    """Runs a file on zeros, once for each list of shapes of the inputs."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    interpreter: Any = Interpreter(model_content=content)
    runner = interpreter.get_signature_runner(SIGNATURE)
    details = runner.get_input_details()
    for each in shapes:
        pairs = zip(names, each, strict=True)
        runner(**{name: np.zeros(shape, details[name]["dtype"]) for name, shape in pairs})


def batches(file: pathlib.Path, names: list[str], fixed: int | None) -> list[dict[str, Any]]:
    """The examples in a file of NumPy's, in the batches that the model takes; none without one."""
    import numpy as np

    if not file.exists():
        return []
    with np.load(file) as arrays:
        columns = [arrays[f"arr_{i}"] for i in range(len(names))]
    count = len(columns[0])
    size = fixed or min(32, count)
    starts = range(0, count - size + 1, size)
    return [
        {name: column[i : i + size] for name, column in zip(names, columns, strict=True)}
        for i in starts
    ]


def main() -> None:
    """Does what the folder that the command line names asks for."""
    sys.path.append(str(pathlib.Path(__file__).parent))
    import open_batch  # type: ignore[import-not-found]

    folder = pathlib.Path(sys.argv[1])
    request = json.loads((folder / "request.json").read_text())
    names, shapes = request["inputs"], request["shapes"]
    if "quantize" in request:
        fixed = shapes[0][0][0] if len(shapes) == 1 else None
        data = batches(folder / "data.npz", names, fixed)
        content = quantize((folder / "float.tflite").read_bytes(), request["quantize"], data)
    else:
        content = convert((folder / "module.mlir").read_text(), names, request["outputs"])
        if request["open_batch"]:
            content = open_batch.opened_batch(content, request["open_batch"])
    try_shapes(content, names, shapes)
    (folder / "model.tflite").write_bytes(content)


if __name__ == "__main__":
    main()
