// The review queue by keyboard: a verdict is one key, and the next picture stands there before anything is asked of the server.
// The next pictures are fetched and decoded ahead; what was judged is sent after they are shown, and can be taken back.
// Nothing in here is younger than Chrome 69, as in phone.js.

const form = document.querySelector("[data-review]");
const rows = form.querySelector("[data-rows]");
const stage = form.querySelector("[data-stage]");
const current = form.querySelector("[data-current]");
const verdicts = form.querySelector("[data-verdicts]");
const merging = form.querySelector("[data-merge]");
const selection = form.querySelector("[data-selection]");
const empty = document.querySelector("[data-empty]");
const toast = document.querySelector("[data-toast]");
const keysOn = document.querySelector("#keys-on");
const keysSheet = document.querySelector("#keys");
const words = form.dataset;

const AHEAD = 4; // pictures that are fetched before they are wanted
const FEW = 8; // cases left, from which on more are asked for
const RENEW_MS = 30000; // a quarter of the time for which a case is ours
const UNDO_MS = 10000; // as the server counts it
const JUDGING = new Set(["violation", "not_a_violation", "cannot_tell", "notice", "merge"]);

let sending = Promise.resolve();
let pending = 0;
let last = null; // what was judged last: { verdict, entries, timer, isUndone }
let anchor = null; // where a range of selected cases begins
const underWay = new Set(); // judged, and not yet known to the server: it would hand them out again

const all = () => [...rows.children];
const article = (row) => stage.querySelector(`[data-case="${row.dataset.case}"]`);
const box = (row) => row.querySelector("input[type=checkbox]");
const shown = () => all().find((row) => row.getAttribute("aria-current")) || null;
const selected = () => all().filter((row) => box(row).checked);
const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));

// ---- showing ----

function load(row) {
  const looked = article(row);
  const picture = looked.querySelector("[data-picture]");
  if (!picture) return;
  if (picture.dataset.src) {
    picture.src = picture.dataset.src;
    delete picture.dataset.src;
  }
  // The cut-out is drawn from the same picture, and asks for it only once that is here.
  picture.decode().then(() => {
    const part = looked.querySelector("image[data-href]");
    if (!part) return;
    part.setAttribute("href", part.dataset.href);
    part.removeAttribute("data-href");
  }, () => {});
}

function show(row) {
  const before = shown();
  if (before && before !== row) {
    before.removeAttribute("aria-current");
    stopClip(article(before));
    article(before).hidden = true;
  }
  empty.hidden = row !== null;
  verdicts.hidden = row === null;
  if (row === null) return;
  const looked = article(row);
  row.setAttribute("aria-current", "true");
  looked.hidden = false;
  current.value = `${row.dataset.case}:${looked.dataset.version}`;
  const from = all().indexOf(row);
  all().slice(from, from + 1 + AHEAD).forEach(load);
  // Along the strip only: on a phone it lies below the picture, which is to be seen first.
  const left = row.offsetLeft - rows.offsetLeft;
  if (left < rows.scrollLeft || left + row.offsetWidth > rows.scrollLeft + rows.clientWidth) rows.scrollLeft = left;
  if (before !== row && stage.getBoundingClientRect().top < 0) stage.scrollIntoView();
}

function move(steps) {
  const list = all();
  const at = list.indexOf(shown()) + steps;
  if (at >= 0 && at < list.length) show(list[at]);
}

function tell(text, { link = null, undo = false, isBad = false } = {}) {
  toast.textContent = text;
  if (link) toast.append(" ", Object.assign(document.createElement("a"), { href: link, textContent: words.see }));
  if (undo) {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "button button-small" });
    button.append(Object.assign(document.createElement("kbd"), { textContent: words.undoCap }), ` ${words.undo}`);
    button.addEventListener("click", takeBack);
    toast.append(" ", button);
  }
  toast.classList.toggle("toast-bad", isBad);
  toast.setAttribute("role", isBad ? "alert" : "status");
  toast.hidden = false;
  clearTimeout(tell.timer);
  if (!isBad) tell.timer = setTimeout(() => (toast.hidden = true), UNDO_MS);
}

function countSelected() {
  const count = selected().length;
  selection.hidden = count === 0;
  merging.hidden = count === 0;
  selection.textContent = `${count} ${words.selected}`;
}

// ---- judging ----

function takeOut(list) {
  const before = all();
  const at = before.indexOf(shown());
  const entries = list.map((row) => ({ row, looked: article(row), next: row.nextElementSibling }));
  const stays = [...before.slice(at), ...before.slice(0, at).reverse()].find((row) => !list.includes(row));
  show(stays || null);
  entries.forEach(({ row, looked }) => {
    box(row).checked = false;
    row.remove();
    looked.remove();
  });
  if (stays) show(stays);
  countSelected();
  return entries;
}

function putBack(entries) {
  [...entries].reverse().forEach(({ row, looked, next }) => {
    rows.insertBefore(row, next && next.parentNode === rows ? next : null);
    looked.hidden = true;
    stage.append(looked);
  });
  if (entries.length) show(entries[0].row);
}

async function post(verdict, cases, into) {
  const body = new FormData(form);
  ["case", "current", "verdict"].forEach((name) => body.delete(name));
  body.append("verdict", verdict);
  if (into) body.append("current", into);
  cases.forEach((one) => body.append("case", one));
  const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" }, keepalive: true });
  if (answer.status === 401) throw new Error(words.signedOut);
  if (!answer.ok) throw new Error(words.offline);
  const told = await answer.json();
  showLeft(told.left);
  return told;
}

function showLeft(left) {
  Object.entries(left).forEach(([name, count]) => {
    const place = document.querySelector(`[data-left="${name}"]`);
    if (place) place.textContent = count;
  });
}

const reference = ({ row, looked }) => `${row.dataset.case}:${looked.dataset.version}`;

// One after the other, so that what is taken back was done before.
function inTurn(work) {
  pending += 1;
  sending = sending.then(work).finally(() => (pending -= 1));
  return sending;
}

async function send(act, verdict) {
  const sent = act.entries.map(({ row }) => row.dataset.case);
  let told;
  try {
    told = await post(verdict, act.entries.map(reference), act.into);
  } catch (error) {
    // A fetch that never got through throws a TypeError of the browser's own words.
    tell(error instanceof TypeError ? words.offline : error.message, { isBad: true });
    if (last === act) last = null;
    clearTimeout(act.timer);
    putBack(act.entries);
    act.entries = []; // and what was to come after it has nothing to do
    return false;
  } finally {
    sent.forEach((id) => underWay.delete(id));
  }
  act.entries = act.entries.filter(({ row, looked }) => {
    const version = told.versions[row.dataset.case];
    if (version !== undefined) looked.dataset.version = version;
    return version !== undefined;
  });
  Object.entries(told.problems).forEach(([id, text]) => tell(text, { link: `/cases/${id}`, isBad: true }));
  return true;
}

async function judge(verdict) {
  const whole = verdict === "merge" ? shown() : null;
  const list = (selected().length ? selected() : [shown()].filter(Boolean)).filter((row) => row !== whole);
  if (list.length === 0) {
    if (whole) tell(words.nothingToMerge);
    return;
  }
  issueNow();
  if (whole) box(whole).checked = false;
  const into = whole && current.value;
  const act = { verdict, into, entries: takeOut(list), timer: 0, isUndone: false };
  last = act;
  const button = form.querySelector(`button[value="${verdict}"]`);
  const label = whole ? words.merged.replace("#", whole.dataset.case) : button.lastChild.textContent.trim();
  const told = `${label} (${act.entries.map(({ row }) => row.dataset.case).join(words.between)})`;
  act.entries.forEach(({ row }) => underWay.add(row.dataset.case));
  const painting = painted();
  // Its turn is taken now: the next key may come before the next picture is painted.
  const sent = inTurn(async () => {
    await painting;
    await send(act, verdict === "notice" ? "violation" : verdict);
  });
  await painting;
  if (!act.isUndone) tell(told, { undo: true, link: whole && `/cases/${whole.dataset.case}` });
  // A notice cannot be taken back, so it goes when the time for that is over; until then the case is confirmed.
  if (verdict === "notice" && last === act) act.timer = setTimeout(issueNow, UNDO_MS);
  await sent;
  refill();
}

function issueNow() {
  const act = last;
  if (!act || act.verdict !== "notice" || act.isUndone) return;
  clearTimeout(act.timer);
  last = null;
  inTurn(() => (act.entries.length ? send(act, "notice") : null));
}

function takeBack() {
  const act = last;
  if (!act || act.isUndone) {
    tell(words.nothing);
    return;
  }
  act.isUndone = true;
  last = null;
  clearTimeout(act.timer);
  inTurn(async () => {
    if (act.entries.length === 0) return;
    const [{ row }] = act.entries;
    if (!(await send(act, "undo"))) return;
    if (act.entries.length) {
      putBack(act.entries);
      tell(words.undone);
    } else {
      tell(words.tooLate, { link: `/cases/${row.dataset.case}`, isBad: true });
    }
  });
}

// ---- the clip: over the picture, for as long as it plays ----

async function play() {
  const row = shown();
  if (!row) return;
  const looked = article(row);
  const video = looked.querySelector("video");
  if (video) {
    if (video.paused) video.play();
    else video.pause();
    return;
  }
  // It comes after the picture, so it may be there by now.
  if (!looked.querySelector("[data-play]")) await ask();
  if (row !== shown() || looked.querySelector("video")) return;
  const link = looked.querySelector("[data-play]");
  if (link) startClip(looked, link);
  else {
    const clip = looked.querySelector("[data-clip]");
    tell((clip && clip.textContent.trim()) || words.noClip);
  }
}

// Until it is there the picture stays: a preview of H.265 takes some seconds.
function startClip(looked, link) {
  const video = Object.assign(document.createElement("video"), {
    src: link.href, controls: true, muted: true, playsInline: true, hidden: true,
  });
  link.setAttribute("aria-busy", "true");
  video.addEventListener("loadeddata", () => {
    video.hidden = false;
    link.removeAttribute("aria-busy");
  });
  video.addEventListener("ended", () => stopClip(looked));
  video.addEventListener("error", () => {
    stopClip(looked);
    tell(words.clipBroken, { isBad: true });
  });
  looked.querySelector(".picture").append(video);
  video.play().catch(() => {}); // taken away before it began
}

function stopClip(looked) {
  const video = looked.querySelector("video");
  if (!video) return;
  looked.querySelector("[data-play]").removeAttribute("aria-busy");
  video.remove();
  video.removeAttribute("src");
  video.load(); // or it would go on being fetched
}

// ---- keeping and fetching ----

let asking = null;

async function claim() {
  const body = new FormData(form);
  ["case", "current"].forEach((name) => body.delete(name));
  underWay.forEach((id) => body.append("had", id));
  all().forEach((row) => {
    body.append("had", row.dataset.case);
    if (!article(row).querySelector("[data-play]")) body.append("without_clip", row.dataset.case);
  });
  const answer = await fetch(words.claim, { method: "POST", body });
  if (!answer.ok) return;
  const template = document.createElement("template");
  template.innerHTML = await answer.text();
  const more = template.content.querySelector("[data-more]");
  const left = {};
  for (const [name, count] of Object.entries(more.dataset)) if (name.startsWith("left")) left[name.slice(4).toLowerCase()] = count;
  showLeft(left);
  more.querySelectorAll("[data-lost]").forEach((item) => {
    const row = rows.querySelector(`[data-case="${item.dataset.lost}"]`);
    if (row) takeOut([row]);
    tell(item.textContent, { link: `/cases/${item.dataset.lost}`, isBad: true });
  });
  more.querySelectorAll(":scope > div > [data-clip]").forEach((clip) => {
    const before = stage.querySelector(`[data-clip="${clip.dataset.clip}"]`);
    if (before) before.replaceWith(clip);
  });
  const known = new Set(all().map((row) => row.dataset.case));
  const fresh = [...more.querySelectorAll("ol > li")].filter((row) => !known.has(row.dataset.case));
  fresh.forEach((row) => {
    stage.append(more.querySelector(`article[data-case="${row.dataset.case}"]`));
    rows.append(row);
  });
  if (fresh.length) show(shown() || fresh[0]);
}

function ask() {
  if (!asking) asking = sending.then(claim).catch(() => {}).finally(() => (asking = null));
  return asking;
}

function refill() {
  if (all().length < FEW) ask();
}

// ---- keys: as they are printed ----

const acts = {
  next: () => move(1),
  previous: () => move(-1),
  undo: takeBack,
  select: () => choose(shown()),
  select_range: () => chooseUpTo(shown()),
  select_all: () => {
    const isAll = selected().length === all().length;
    all().forEach((row) => (box(row).checked = !isAll));
    countSelected();
  },
  full: () => stage.classList.toggle("is-full"),
  boxes: () => stage.classList.toggle("no-boxes"),
  play,
  keys: () => (keysSheet.open ? keysSheet.close() : keysSheet.showModal()),
  close: () => {
    if (shown()) stopClip(article(shown()));
    stage.classList.remove("is-full");
    toast.hidden = true;
    all().forEach((row) => (box(row).checked = false));
    countSelected();
  },
};

function choose(row) {
  if (!row) return;
  box(row).checked = !box(row).checked;
  anchor = row;
  countSelected();
}

function chooseUpTo(row) {
  const list = all();
  const [from, to] = [list.indexOf(anchor), list.indexOf(row)].sort((a, b) => a - b);
  list.slice(Math.max(from, 0), to + 1).forEach((one) => (box(one).checked = true));
  countSelected();
}

const bound = new Map();
document.querySelectorAll("[data-keys]").forEach((item) => {
  item.dataset.keys.split("|").forEach((key) => bound.set(key, item.dataset.act));
});

function pressed(event) {
  const key = event.key.toLowerCase();
  const held = [event.ctrlKey && "ctrl", event.metaKey && "meta", event.altKey && "alt", event.shiftKey && /^[a-z]$/.test(key) && "shift"];
  return [...held.filter(Boolean), key].join("+");
}

document.addEventListener("keydown", (event) => {
  const act = bound.get(pressed(event));
  if (!act || event.isComposing || !keysOn.checked) return;
  if (event.target.closest("select, textarea, input:not([type=checkbox])")) return;
  if (event.key === " " && event.target.closest("button, summary, input, video")) return;
  if (keysSheet.open && act !== "keys") return; // what lies behind it is not judged; Escape closes it
  event.preventDefault();
  if (event.repeat && act !== "next" && act !== "previous") return;
  if (JUDGING.has(act)) {
    if (form.querySelector(`button[value="${act}"]`)) judge(act);
  } else acts[act]();
});

// Enter presses one of them too. Before Chrome 81 the form would not say by which it is sent.
verdicts.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  event.preventDefault();
  judge(button.value);
});
rows.addEventListener("click", (event) => {
  const row = event.target.closest("li");
  if (event.target.closest("a") && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    show(row);
  } else if (event.target.matches("input")) {
    if (event.shiftKey && anchor) chooseUpTo(row);
    else anchor = row;
    countSelected();
  }
});
stage.addEventListener("click", (event) => {
  if (event.target.closest("[data-play]") && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    play();
  } else if (event.target.closest(".picture") && !event.target.closest("video")) acts.full();
});
keysOn.checked = localStorage.getItem("keys") !== "off";
keysOn.addEventListener("change", () => localStorage.setItem("keys", keysOn.checked ? "on" : "off"));

addEventListener("beforeunload", (event) => {
  if (pending) event.preventDefault();
});
addEventListener("pagehide", () => {
  issueNow();
  const body = new FormData(form);
  all().forEach((row) => body.append("had", row.dataset.case));
  navigator.sendBeacon("/review/leave", body);
});
setInterval(() => document.hidden || ask(), RENEW_MS);
document.addEventListener("visibilitychange", () => document.hidden || ask());

document.querySelector("[data-keys-open]").addEventListener("click", acts.keys);
document.querySelector("[data-keys-switch]").hidden = false;
form.dataset.ready = "";
countSelected();
if (rows.firstElementChild) show(rows.firstElementChild);
