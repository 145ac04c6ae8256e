// What is shown of an answer: bars for probabilities, a picture for an image, else numbers.

const percent = new Intl.NumberFormat("en", {
  style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1,
});
const plain = new Intl.NumberFormat("en", { maximumSignificantDigits: 5 });
const SHOWN = 10; // bars of more classes than these: the largest ones

function softmax(values) {
  const largest = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

function bars(spec, values) {
  const shares = spec.logits ? softmax(values) : values;
  const top = shares.indexOf(Math.max(...shares));
  let order = shares.map((_, i) => i);
  if (order.length > SHOWN) order = order.sort((a, b) => shares[b] - shares[a]).slice(0, SHOWN);
  const rows = order.map((i) => {
    const bar = element("div", { class: "bar" });
    bar.style.width = `${Math.min(1, Math.max(0, shares[i])) * 100}%`;
    return element("tr", { class: i === top ? "top" : null },
      element("th", { scope: "row" }, spec.labels[i]),
      element("td", { class: "share", "aria-hidden": "true" }, element("div", { class: "track" }, bar)),
      element("td", { class: "number" }, percent.format(shares[i])));
  });
  const answer = `${spec.labels[top]}: ${percent.format(shares[top])}`;
  const short = spec.labels.every((label) => label.length < 4);
  const table = element(
    "table", { class: short ? "bars short" : "bars", "aria-label": `Probabilities: ${spec.title}` },
    element("tbody", {}, ...rows));
  const headline = element("p", { class: "answer" },
    element("strong", {}, spec.labels[top]), `Probability ${percent.format(shares[top])}`);
  return [answer, [headline, table]];
}

function image(spec, values, shape) {
  const [rows, columns, channels] = shape.slice(1);
  const canvas = element("canvas", {
    class: "result", width: columns, height: rows, role: "img", "aria-label": spec.title,
  });
  const largest = values.reduce((most, value) => Math.max(most, value), 0);
  const factor = largest > 2 ? 1 : 255;
  const context = canvas.getContext("2d");
  const shown = context.createImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    const color = (channel) => values[i * channels + Math.min(channel, channels - 1)] * factor;
    shown.data.set([color(0), color(1), color(2), 255], 4 * i);
  }
  context.putImageData(shown, 0, 0);
  return [`a picture of ${rows} × ${columns}`, [canvas]];
}

function numbers(spec, values, shape) {
  if (values.length === 1) {
    const number = plain.format(values[0]);
    return [number, [element("p", { class: "answer" }, element("strong", {}, number))]];
  }
  const rows = shape.length > 1 ? shape.slice(1, -1).reduce((size, axis) => size * axis, 1) : 1;
  const width = values.length / rows;
  const lines = Array.from({ length: Math.min(rows, 200) }, (_, row) =>
    values.slice(row * width, (row + 1) * width).map((value) => plain.format(value)).join("  "));
  return [`${values.length} numbers`, [element("pre", { tabindex: 0 }, lines.join("\n"))]];
}

const SHOW = { bars, image, numbers };

// Shows all outputs; the status line says the answers for those who do not see them.
function show(model, answers, place, status) {
  const sentences = [];
  place.replaceChildren(...model.outputs.map((spec, i) => {
    const [sentence, nodes] = SHOW[spec.kind](spec, answers[i].values, answers[i].shape);
    const several = model.outputs.length > 1;
    sentences.push(several ? `${spec.title}: ${sentence}` : sentence);
    return element("div", {}, several ? element("h2", {}, spec.title) : null, ...nodes);
  }));
  status.className = "visually-hidden";
  status.textContent = `Answer: ${sentences.join("; ")}`;
}
