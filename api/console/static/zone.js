// Draws the zone on the picture by mouse, touch and keyboard. Whatever is drawn is written into the field of the form, which alone
// is sent, and works without this.

const svg = document.querySelector("[data-zone]");
const field = document.getElementById("zone");
const tools = document.querySelector("[data-zone-tools]");
const status = tools.querySelector("[data-zone-status]");
const words = svg.dataset;
const height = svg.viewBox.baseVal.height;

const STEP = 1;
const LARGE_STEP = 5;
// Half of a finger's width, in CSS pixels.
const REACH = 14;
const DOT = 6;

// In percent of width and height.
let corners = [];
let handles = [];
let chosen = 0;

function element(name, parent, classes = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  if (classes) made.setAttribute("class", classes);
  return parent.appendChild(made);
}

const polygon = svg.querySelector("polygon") || element("polygon", svg);

function read() {
  const lines = field.value.split("\n").filter((line) => line.trim());
  const found = lines.map((line) => line.match(/^\s*(\d+(?:\.\d+)?)\s*%?\s*[,，;\s]\s*(\d+(?:\.\d+)?)\s*%?\s*$/));
  return found.every(Boolean) ? found.map(([, x, y]) => [Number(x), Number(y)]) : null;
}

function limited(value) {
  return Math.round(Math.min(100, Math.max(0, value)) * 10) / 10;
}

function side([ax, ay], [bx, by], [x, y]) {
  return Math.sign((bx - ax) * (y - ay) - (by - ay) * (x - ax));
}

function crosses() {
  const sides = corners.map((corner, at) => [corner, corners[(at + 1) % corners.length]]);
  return sides.some(([a, b], one) =>
    sides.some(([c, d], other) => {
      const next = other === one + 1 || (one === 0 && other === sides.length - 1);
      return other > one && !next && side(a, b, c) !== side(a, b, d) && side(c, d, a) !== side(c, d, b);
    }),
  );
}

function flaw() {
  if (corners.length > 0 && corners.length < 3) return words.few;
  return crosses() ? words.crossing : "";
}

// Where everything is, without making it anew: a finger that drags keeps its corner.
function place() {
  polygon.setAttribute("points", corners.map(([x, y]) => `${x},${(y * height) / 100}`).join(" "));
  const pixel = 100 / (svg.clientWidth || 100);
  handles.forEach((handle, at) => {
    const [x, y] = corners[at];
    const name = words.corner.replace("{number}", at + 1).replace("{x}", x).replace("{y}", y);
    handle.setAttribute("aria-label", name);
    for (const [circle, radius] of [[handle.firstChild, REACH], [handle.lastChild, DOT]]) {
      circle.setAttribute("cx", x);
      circle.setAttribute("cy", (y * height) / 100);
      circle.setAttribute("r", radius * pixel);
    }
  });
  const wrong = flaw();
  field.setCustomValidity(wrong);
  status.textContent = wrong || (corners.length ? words.drawn.replace("{number}", corners.length) : words.whole);
}

function draw(focused = -1) {
  handles.forEach((handle) => handle.remove());
  handles = corners.map((_, at) => handle(at));
  place();
  const next = handles[Math.min(focused, handles.length - 1)];
  if (next) next.focus({ preventScroll: true });
}

function write() {
  field.value = corners.map(([x, y]) => `${x}, ${y}`).join("\n");
}

function change(changed, focused) {
  corners = changed;
  write();
  draw(focused);
}

function move(at, x, y) {
  corners[at] = [limited(x), limited(y)];
  write();
  place();
}

function where(event) {
  const box = svg.getBoundingClientRect();
  return [limited((100 * (event.clientX - box.left)) / box.width), limited((100 * (event.clientY - box.top)) / box.height)];
}

function handle(at) {
  const group = element("g", svg);
  element("circle", group, "reach");
  element("circle", group, "corner");
  group.setAttribute("tabindex", "0");
  group.setAttribute("role", "button");
  group.addEventListener("focus", () => (chosen = at));
  group.addEventListener("pointerdown", (event) => {
    group.setPointerCapture(event.pointerId);
    group.focus({ preventScroll: true });
    event.preventDefault();
  });
  group.addEventListener("pointermove", (event) => {
    if (group.hasPointerCapture(event.pointerId)) move(at, ...where(event));
  });
  group.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? LARGE_STEP : STEP;
    const ways = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.key in ways) move(at, corners[at][0] + ways[event.key][0], corners[at][1] + ways[event.key][1]);
    else if (event.key === "Delete" || event.key === "Backspace") remove(at);
    else return;
    event.preventDefault();
  });
  return group;
}

function remove(at) {
  change(corners.filter((_, one) => one !== at), at);
}

function distance([x, y], [ax, ay], [bx, by]) {
  const squared = (bx - ax) ** 2 + (by - ay) ** 2;
  const along = squared ? Math.min(1, Math.max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / squared)) : 0;
  return Math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay));
}

function put(at, corner) {
  change([...corners.slice(0, at), corner, ...corners.slice(at)], at);
}

// Into the side that is nearest.
function insert(corner) {
  const far = corners.map((one, at) => distance(corner, one, corners[(at + 1) % corners.length]));
  const at = corners.length < 3 ? corners.length : far.indexOf(Math.min(...far)) + 1;
  put(at, corner);
}

svg.addEventListener("click", (event) => {
  if (!event.target.closest("g")) insert(where(event));
});
tools.querySelector("[data-zone-add]").addEventListener("click", () => {
  if (corners.length < 3) {
    change([[10, 10], [90, 10], [90, 90], [10, 90]], 0);
    return;
  }
  const lengths = corners.map(([x, y], at) => {
    const [nextX, nextY] = corners[(at + 1) % corners.length];
    return Math.hypot(nextX - x, nextY - y);
  });
  const at = lengths.indexOf(Math.max(...lengths));
  const [[ax, ay], [bx, by]] = [corners[at], corners[(at + 1) % corners.length]];
  put(at + 1, [limited((ax + bx) / 2), limited((ay + by) / 2)]);
});
tools.querySelector("[data-zone-remove]").addEventListener("click", () => remove(Math.min(chosen, corners.length - 1)));
tools.querySelector("[data-zone-clear]").addEventListener("click", () => change([]));
field.addEventListener("input", () => {
  const typed = read();
  if (typed) {
    corners = typed;
    draw();
  } else {
    field.setCustomValidity(""); // The server says what cannot be read.
  }
});
new ResizeObserver(place).observe(svg);

// A group, not one image: its corners are there to be reached.
svg.setAttribute("role", "group");
tools.hidden = false;
corners = read() || [];
draw();
