// The page: strokes come in, and all that follows from them is shown.

const read = (id) => document.getElementById(id).textContent.trim();
const {params, told} = parametersOf(read("champion"));
const settings = JSON.parse(read("settings"));
const models = {
  champion: championOf(params, settings.surer),
  knower: knowerOf(parametersOf(read("knower")).params),
  mean: told.mean, deviation: told.deviation, least: settings.least,
};

const NAMES = ["left", "right"];
const sides = NAMES.map((name) => {
  const place = document.getElementById(name);
  const canvas = place.querySelector("canvas");
  const [undo, clear, save] = place.querySelectorAll("button");
  const bars = document.getElementById(`${name}-bars`);
  canvas.width = canvas.height = SIDE;
  return {
    name, place, canvas, undo, clear, save, bars, strokes: [], pixels: blank(), found: null,
    showBars: barsIn(bars), says: place.querySelector(".says"),
  };
});
const showTable = tableIn(document.getElementById("products"));
const showLayers = layersIn(
  document.getElementById("layers"), ["what the network sees", ...models.champion.map(([name]) => name)]);

// Work out and show what has changed, once for each picture that the screen shows.
let waiting = false;
function changed(side) {
  side.found = null;
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; show(); });
}

function show() {
  for (const side of sides) {
    if (!side.found) {
      paint(side.canvas, side.pixels);
      side.found = asked(models, SIDE, side.pixels);
    }
    const {digits, doubt, others} = side.found, empty = doubt === "it is empty";
    side.showBars(empty ? null : digits);
    for (const place of [side.place, side.bars]) place.classList.toggle("doubted", Boolean(doubt));
    side.undo.disabled = !side.strokes.length;
    side.clear.disabled = side.save.disabled = empty && !side.strokes.length;
    const left = others ? ` Left out: ${others} other part${others > 1 ? "s" : ""}.` : "";
    side.says.textContent = empty ? "Draw a digit."
      : (doubt ? `No digit that I know: ${doubt}.` : `${digits.indexOf(Math.max(...digits))}`) + left;
  }
  const answer = answered(sides[0].found, sides[1].found);
  const drawing = sides.some(({found}) => found.doubt === "it is empty");
  showTable(drawing ? null : answer.products);
  showLayers([answer.left, answer.right]);
  say(answer, drawing);
}

function say({sure, sum}, drawing) {
  const words = drawing ? ["", "Draw a digit in each square."]
    : !sure ? ["No answer", "There is not one digit that I know on each picture."]
    : sum > 0.5 ? ["Yes: left ≤ right", `P(left ≤ right) = ${percent(sum)}`]
    : ["No: left > right", `P(left ≤ right) = ${percent(sum)}`];
  ["verdict", "chance"].forEach((id, i) => {
    const place = document.getElementById(id);
    if (place.textContent !== words[i]) place.textContent = words[i];
  });
}

// Where on the picture a finger or a mouse is.
function pointOf({canvas}, event) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left) * SIDE / box.width, (event.clientY - box.top) * SIDE / box.height];
}

for (const side of sides) {
  const {canvas, strokes} = side;
  let pen = null;  // the pointer that draws
  const add = (event) => {
    const stroke = strokes.at(-1);
    stroke.push(pointOf(side, event));
    drawLine(side.pixels, stroke.at(-2) ?? stroke[0], stroke.at(-1));
    changed(side);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (pen !== null || event.button) return;
    pen = event.pointerId;
    canvas.setPointerCapture(pen);
    strokes.push([]);
    add(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== pen) return;
    const all = event.getCoalescedEvents?.() ?? [];
    for (const each of all.length ? all : [event]) add(each);
  });
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, (event) => { if (event.pointerId === pen) pen = null; });
  side.undo.addEventListener("click", () => {
    strokes.pop();
    side.pixels = drawn(strokes);
    changed(side);
  });
  side.clear.addEventListener("click", () => {
    strokes.length = 0;
    side.pixels = blank();
    changed(side);
  });
  side.save.addEventListener("click", () => {
    const link = made("a", "");
    [link.href, link.download] = [canvas.toDataURL("image/png"), `${side.name}.png`];
    link.click();
  });
  changed(side);
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);

// For whoever wants to try it from outside: numbers of grey pixels, row by row, SIDE × SIDE of them.
window.funcdl = {
  side: SIDE,
  margin: MARGIN,
  ask: (left, right) => answered(asked(models, SIDE, left), asked(models, SIDE, right)),
  put: (name, pixels) => {
    const side = sides[NAMES.indexOf(name)];
    side.strokes.length = 0;
    side.pixels = Uint8ClampedArray.from(pixels);
    changed(side);
  },
  pixels: (name) => Array.from(sides[NAMES.indexOf(name)].pixels),
};
