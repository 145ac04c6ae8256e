// Joins the controls, the model and what is shown: every change asks for an answer.

const model = JSON.parse(document.getElementById("model").textContent);
const form = document.getElementById("inputs");
const place = document.getElementById("outputs");
const status = document.getElementById("status");

function say(words, failed = false) {
  place.replaceChildren();
  status.className = failed ? "failed" : "";
  status.textContent = words;
}

let predict = null;
let running = false;
let again = false;
let timer = 0;

async function answer() {
  if (!predict) return;
  if (running) {
    again = true;
    return;
  }
  const examples = controls.map((control) => control.read());
  if (examples.includes(null)) {
    say(model.waiting);
    return;
  }
  running = true;
  try {
    show(model, await predict(examples), place, status);
  } catch (error) {
    say(`No answer: ${error.message}`, true);
  }
  running = false;
  if (again) {
    again = false;
    await answer();
  }
}

function changed() {
  clearTimeout(timer);
  timer = setTimeout(answer, 60);
}

const controls = model.inputs.map((spec) => CONTROLS[spec.kind](spec, changed));
form.append(...controls.map((control) => control.element));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  answer();
});

try {
  predict = await connect(model);
  await answer();
} catch (error) {
  say(`The model cannot be loaded: ${error.message}`, true);
}
