// The model runs in this page, by ONNX Runtime's WebAssembly.

async function connect(model) {
  const ort = await import(new URL(model.runtime, document.baseURI));
  ort.env.wasm.numThreads = 1; // More need headers that plain static servers do not send.
  const session = await ort.InferenceSession.create(new URL(model.file, document.baseURI).href);
  const arrays = {
    float32: Float32Array, int32: Int32Array, uint8: Uint8Array, int8: Int8Array, bool: Uint8Array,
    float64: Float64Array, int16: Int16Array, uint16: Uint16Array, uint32: Uint32Array,
  };
  function tensor(dtype, { values, shape }) {
    const data = dtype.endsWith("int64")
      ? (dtype === "int64" ? BigInt64Array : BigUint64Array).from(values, (v) => BigInt(Math.round(v)))
      : arrays[dtype].from(values, dtype.startsWith("float") ? (v) => v : Math.round);
    return new ort.Tensor(dtype, data, [1, ...shape]);
  }
  return async (examples) => {
    const feeds = Object.fromEntries(
      model.inputs.map((spec, i) => [spec.name, tensor(spec.dtype, examples[i])]));
    const results = await session.run(feeds);
    return model.outputs.map(({ name }) => ({
      values: Array.from(results[name].data, Number), shape: results[name].dims,
    }));
  };
}
