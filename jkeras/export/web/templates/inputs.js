// One control for each kind of input: `element` to show, and `read()`: the numbers of one example
// in the order of the shape, with the shape; null while there is nothing to predict from.

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

function group(spec, ...children) {
  return element("fieldset", {}, element("legend", {}, spec.title), ...children);
}

// The mean of the values in each cell of a grid laid over `box` of a square picture.
function shrink(values, side, box, rows, columns) {
  const cells = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const top = Math.round(box.y + (row * box.height) / rows);
      const bottom = Math.max(top + 1, Math.round(box.y + ((row + 1) * box.height) / rows));
      const left = Math.round(box.x + (column * box.width) / columns);
      const right = Math.max(left + 1, Math.round(box.x + ((column + 1) * box.width) / columns));
      let sum = 0;
      for (let y = top; y < bottom; y++)
        for (let x = left; x < right; x++)
          if (x >= 0 && y >= 0 && x < side && y < side) sum += values[y * side + x];
      cells[row * columns + column] = sum / ((bottom - top) * (right - left));
    }
  }
  return cells;
}

// The box around what is drawn, and its centre of mass; null for an empty picture.
function extent(values, side) {
  let [left, top, right, bottom] = [side, side, -1, -1];
  let [mass, atX, atY] = [0, 0, 0];
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const value = values[y * side + x];
      if (value < 8) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
      [mass, atX, atY] = [mass + value, atX + x * value, atY + y * value];
    }
  }
  if (right < 0) return null;
  return { longest: Math.max(right - left, bottom - top) + 1, x: atX / mass, y: atY / mass };
}

// As the digits of MNIST are made: the drawing fills 20 of 28 pixels, its mass in the middle.
function centred(drawn) {
  const size = Math.max((drawn.longest * 28) / 20, 1);
  return { x: drawn.x - size / 2, y: drawn.y - size / 2, width: size, height: size };
}

function drawing(spec, changed) {
  const side = 280;
  const [rows, columns] = spec.size;
  const pad = element("canvas", {
    class: "pad", width: side, height: side, tabindex: 0, role: "img",
    "aria-label": `${spec.title}: draw here. With the keyboard: arrow keys move the pen, ` +
      "the space bar puts it down or lifts it, Delete clears.",
  });
  const seen = element("canvas", {
    class: "seen", width: columns, height: rows, "aria-hidden": "true",
  });
  const centre = element("input", { type: "checkbox", checked: true, onchange: changed });
  const context = pad.getContext("2d", { willReadFrequently: true });
  const pen = { x: side / 2, y: side / 2, down: false, keys: false };
  let empty = true;

  function clear() {
    context.fillStyle = "#000";
    context.fillRect(0, 0, side, side);
    Object.assign(pen, { x: side / 2, y: side / 2, down: false });
    empty = true;
    changed();
  }
  function lineTo(x, y) {
    Object.assign(context, {
      strokeStyle: "#fff", lineWidth: side / 13, lineCap: "round", lineJoin: "round",
    });
    context.beginPath();
    context.moveTo(pen.x, pen.y);
    context.lineTo(x, y);
    context.stroke();
    Object.assign(pen, { x, y });
    empty = false;
    changed();
  }
  function place(event) {
    const box = pad.getBoundingClientRect();
    return [((event.clientX - box.left) * side) / box.width,
      ((event.clientY - box.top) * side) / box.height];
  }
  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    const [x, y] = place(event);
    Object.assign(pen, { x, y, down: true });
    lineTo(x, y);
  });
  pad.addEventListener("pointermove", (event) => {
    if (pen.down && event.buttons) lineTo(...place(event));
  });
  for (const end of ["pointerup", "pointercancel"])
    pad.addEventListener(end, () => { pen.down = false; });
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  pad.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (!step && ![" ", "Delete", "Backspace"].includes(event.key)) return;
    event.preventDefault();
    if (event.key === " ") {
      pen.down = !pen.down;
      if (pen.down) lineTo(pen.x, pen.y);
    } else if (step) {
      const [x, y] = step.map((way, axis) =>
        Math.min(side, Math.max(0, (axis ? pen.y : pen.x) + (way * side) / 28)));
      if (pen.down) lineTo(x, y);
      else Object.assign(pen, { x, y });
    } else clear();
  });

  function read() {
    const brush = seen.getContext("2d");
    brush.clearRect(0, 0, columns, rows);
    if (empty) return null;
    const rgba = context.getImageData(0, 0, side, side).data;
    const values = Float32Array.from({ length: side * side }, (_, i) => rgba[4 * i]);
    const drawn = extent(values, side);
    if (!drawn) return null;
    const whole = { x: 0, y: 0, width: side, height: side };
    const cells = shrink(values, side, centre.checked ? centred(drawn) : whole, rows, columns);
    const shown = brush.createImageData(columns, rows);
    cells.forEach((value, i) => shown.data.set([value, value, value, 255], 4 * i));
    brush.putImageData(shown, 0, 0);
    return { values: cells.map((value) => (value * spec.range) / 255), shape: spec.shape };
  }

  const node = group(
    spec, pad,
    element("div", { class: "row" },
      element("button", { type: "button", onclick: clear }, "Clear"),
      element("label", {}, centre, " Centre the drawing")),
    element("div", { class: "row seen-row" }, seen,
      element("p", { class: "hint" }, `What the model sees, in ${rows} × ${columns} pixels`)),
  );
  clear();
  return { element: node, read };
}

function picture(spec, changed) {
  const [rows, columns] = spec.size;
  const work = element("canvas", { width: columns, height: rows });
  const image = element("img", { class: "picture", alt: "The chosen picture" });
  const video = element("video", { class: "picture live", playsinline: true, muted: true, hidden: true });
  const empty = element("div", { class: "drop" }, "Choose a picture, or drop one here.");
  const error = element("p", { class: "error", role: "alert" });
  let ready = false;
  let stream = null;

  function take(source, width, height) {
    const size = Math.min(width / columns, height / rows); // The middle, in the model's proportions.
    work.getContext("2d", { willReadFrequently: true }).drawImage(
      source, (width - columns * size) / 2, (height - rows * size) / 2,
      columns * size, rows * size, 0, 0, columns, rows,
    );
    ready = true;
    empty.hidden = true;
    changed();
  }
  function show(file) {
    error.textContent = "";
    if (!file) return;
    const address = URL.createObjectURL(file);
    image.onload = () => take(image, image.naturalWidth, image.naturalHeight);
    image.onerror = () => { error.textContent = "This file is not a picture that the browser can read."; };
    image.src = address;
  }
  const file = element("input", {
    type: "file", accept: "image/*", class: "visually-hidden", onchange: () => show(file.files[0]),
  });
  const shoot = element("button", { type: "button", onclick: toggle }, "Use the camera");
  async function toggle() {
    error.textContent = "";
    if (!stream) {
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      } catch (reason) {
        error.textContent = `No picture from the camera: ${reason.message}`;
        return;
      }
      video.srcObject = stream;
      await video.play();
      [video.hidden, image.hidden, empty.hidden] = [false, true, true];
      shoot.textContent = "Take the picture";
      return;
    }
    take(video, video.videoWidth, video.videoHeight);
    image.src = work.toDataURL();
    image.onload = null;
    stream.getTracks().forEach((track) => track.stop());
    stream = null;
    [video.hidden, image.hidden] = [true, false];
    shoot.textContent = "Use the camera";
  }

  function read() {
    if (!ready) return null;
    const rgba = work.getContext("2d").getImageData(0, 0, columns, rows).data;
    const area = rows * columns;
    const values = new Float32Array(area * spec.channels);
    for (let pixel = 0; pixel < area; pixel++) {
      const [red, green, blue] = rgba.subarray(4 * pixel, 4 * pixel + 3);
      const colors = spec.channels === 1 ? [0.299 * red + 0.587 * green + 0.114 * blue] : [red, green, blue];
      colors.forEach((color, channel) => {
        const at = spec.channelsFirst ? channel * area + pixel : pixel * spec.channels + channel;
        values[at] = (color * spec.range) / 255;
      });
    }
    return { values, shape: spec.shape };
  }

  const node = group(
    spec, empty, image, video,
    element("div", { class: "row" },
      element("label", { class: "button" }, "Choose a picture", file),
      navigator.mediaDevices ? shoot : null),
    error,
    element("p", { class: "hint" }, `The model sees the middle of it in ${rows} × ${columns} pixels.`),
  );
  node.addEventListener("dragover", (event) => event.preventDefault());
  node.addEventListener("drop", (event) => {
    event.preventDefault();
    show(event.dataTransfer.files[0]);
  });
  return { element: node, read };
}

function table(spec, changed) {
  const fields = spec.columns.map((name) => [name, element("input", {
    type: "number", step: spec.integer ? 1 : "any", value: 0, required: true, oninput: changed,
  })]);
  const labels = fields.map(([name, field]) => element("label", { class: "field" }, name, field));
  function read() {
    if (fields.some(([, field]) => !field.validity.valid)) return null;
    return { values: fields.map(([, field]) => Number(field.value)), shape: spec.shape };
  }
  return { element: group(spec, element("div", { class: "fields" }, ...labels)), read };
}

// Words of a vocabulary, or numbers, separated by spaces, commas or lines; open axes grow with them.
function text(spec, changed) {
  const words = spec.vocabulary && new Map(spec.vocabulary.map((word, id) => [word, id]));
  const unknown = words ? words.get("[UNK]") ?? 0 : 0;
  const error = element("p", { class: "error", role: "alert" });
  const box = element("textarea", { "aria-label": spec.title, oninput: changed, spellcheck: "false" });
  function read() {
    error.textContent = "";
    const parts = words
      ? box.value.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? []
      : box.value.split(/[\s,;]+/).filter(Boolean);
    if (!parts.length) return null;
    const values = parts.map((part) => (words ? words.get(part) ?? unknown : Number(part)));
    const wrong = values.findIndex((value) =>
      !Number.isFinite(value) || (spec.integer && !Number.isInteger(value)));
    if (wrong >= 0) {
      error.textContent = `“${parts[wrong]}” is not ${spec.integer ? "a whole number" : "a number"}.`;
      return null;
    }
    return fitted(values);
  }
  function fitted(values) {
    const fixed = spec.shape.reduce((size, axis) => size * (axis ?? 1), 1);
    const open = spec.shape.filter((axis) => axis === null).length;
    const shape = spec.shape.slice();
    if (open) shape[shape.indexOf(null)] = Math.ceil(values.length / fixed);
    const size = shape.reduce((product, axis) => product * (axis ?? 1), 1);
    if (values.length > size) {
      if (!spec.integer) {
        error.textContent = `${values.length} numbers, and the model takes ${size}.`;
        return null;
      }
      values = values.slice(0, size);
    } else if (values.length < size && !spec.integer) {
      error.textContent = `${values.length} of ${size} numbers.`;
      return null;
    }
    while (values.length < size) values.push(0); // Token ids end with zeros.
    return { values, shape: shape.map((axis) => axis ?? 1) };
  }
  return { element: group(spec, box, error, element("p", { class: "hint" }, spec.hint)), read };
}

const CONTROLS = { drawing, picture, table, text };
