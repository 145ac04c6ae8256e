// The server that this page comes from runs the model.

async function connect(model) {
  function nested({ values, shape }, { dtype }) {
    const round = dtype.startsWith("float") ? (value) => value : Math.round;
    function build(axis, start, size) {
      if (axis === shape.length) return round(values[start]);
      const step = size / shape[axis];
      return Array.from({ length: shape[axis] }, (_, i) => build(axis + 1, start + i * step, step));
    }
    return build(0, 0, values.length);
  }
  function flat(value) {
    const shape = [1];
    for (let part = value; Array.isArray(part); part = part[0]) shape.push(part.length);
    return { values: [value].flat(Infinity).map(Number), shape };
  }
  return async (examples) => {
    const example = model.inputs.length === 1
      ? nested(examples[0], model.inputs[0])
      : Object.fromEntries(model.inputs.map((spec, i) => [spec.name, nested(examples[i], spec)]));
    const response = await fetch(new URL(model.endpoint, document.baseURI), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ instances: [example] }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error ?? `HTTP ${response.status}`);
    const [prediction] = answer.predictions;
    return model.outputs.map(({ name }) =>
      flat(model.outputs.length === 1 ? prediction : prediction[name]));
  };
}
