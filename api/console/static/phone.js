// What makes the phone page better where scripts run; without this file everything works by forms alone.
//  - tells that the page was opened, which programs that fetch previews of links do not
//  - reads the text aloud
//  - makes photographs smaller, keeps the one that was taken until it is sent, and sends again by itself after a connection
//    that broke
// Phones keep the browser inside of their chat for years: nothing in here is younger than Chrome 69.

const page = document.querySelector("[data-base]");
const words = page.dataset;
const practice = "practice" in words;
const status = document.querySelector("[data-status]");

const LONGEST_SIDE_PX = 1600;
const JPEG_QUALITY = 0.82;
const LARGEST_BYTES = 10000000; // what the server takes of one photograph
const MOST_PHOTOGRAPHS = 6; // and how many
const KEPT_MS = 86400000; // a photograph is to show how it is now
const TRY_S = 120;
const SLOWEST_S = 30;

function say(text, again) {
  if (!status) return;
  status.hidden = !text;
  status.textContent = text;
  if (again) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button-small";
    button.textContent = words.again;
    button.addEventListener("click", again);
    status.append(" ", button);
  }
}

// At the button that goes with it, or above all of them: what lies a screen further up says nothing.
function stand(button) {
  if (button && button.closest(".phone-more")) button.before(status);
  else document.querySelector(".phone-acts").prepend(status);
}

// ---- opened ----

if (!practice) fetch(`${words.base}/opened`, { method: "POST", headers: { Accept: "application/json" } }).catch(() => {});

// ---- reading aloud ----

const speak = document.querySelector("[data-speak]");
if (speak && "speechSynthesis" in window) {
  const start = speak.textContent;
  const over = () => { speak.textContent = start; };
  speak.hidden = false;
  speak.addEventListener("click", () => {
    if (speechSynthesis.speaking) {
      speechSynthesis.cancel();
      over();
      return;
    }
    const said = new SpeechSynthesisUtterance(words.speech);
    said.lang = document.documentElement.lang;
    said.rate = 0.9;
    said.onend = said.onerror = over;
    speak.textContent = words.stop;
    speechSynthesis.speak(said);
  });
  addEventListener("pagehide", () => speechSynthesis.cancel());
}

// ---- photographs ----

// Before Chrome 81 a canvas does not turn the picture upright; then the server does, which is told by its orientation.
const turns = CSS.supports("image-orientation", "from-image");

// The part of a JPEG that says when it was taken (APP1, EXIF 2.32, 4.7), with the orientation set to upright where the canvas has
// turned the picture. The server keeps the time and throws the rest away.
function exifOf(bytes) {
  const view = new DataView(bytes);
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return null;
  for (let at = 2; at + 10 < view.byteLength && view.getUint8(at) === 0xff; at += 2 + view.getUint16(at + 2)) {
    if (view.getUint16(at) !== 0xffe1 || view.getUint32(at + 4) !== 0x45786966) continue;
    const segment = bytes.slice(at, at + 2 + view.getUint16(at + 2));
    const exif = new DataView(segment, 10);
    const little = exif.getUint16(0) === 0x4949;
    const first = exif.getUint32(4, little);
    for (let entry = 0; entry < exif.getUint16(first, little); entry++) {
      const place = first + 2 + 12 * entry;
      if (turns && exif.getUint16(place, little) === 0x0112) exif.setUint16(place + 8, 1, little);
    }
    return segment;
  }
  return null;
}

// A JPEG of at most LONGEST_SIDE_PX a side; the file as it is where this browser cannot read it.
async function smaller(file, previews) {
  const picture = new Image();
  picture.src = URL.createObjectURL(file);
  try {
    await picture.decode();
    const scale = Math.min(1, LONGEST_SIDE_PX / Math.max(picture.naturalWidth, picture.naturalHeight));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.naturalWidth * scale);
    canvas.height = Math.round(picture.naturalHeight * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    previews.append(canvas);
    const small = await new Promise((done) => canvas.toBlob(done, "image/jpeg", JPEG_QUALITY));
    if (!small) return file;
    let exif = null;
    try {
      exif = exifOf(await new Response(file.slice(0, 131072)).arrayBuffer());
    } catch {
      exif = null; // damaged: sent without
    }
    const parts = exif ? [small.slice(0, 2), exif, small.slice(2)] : [small];
    return new File(parts, "photograph.jpg", { type: "image/jpeg" });
  } catch {
    return file;
  } finally {
    URL.revokeObjectURL(picture.src);
  }
}

const retake = document.querySelector("[data-retake]");
if (retake) retake.addEventListener("click", () => document.querySelector("#fix").click());

// The camera that a page opens keeps no photograph: a phone that dies, or a chat that throws the page away, would lose it. The
// last one is kept; what is asked of the browser's store answers nothing where it has none.
const STORE = "sunshine-answer";
const LAST = "last";

function kept(ask) {
  return new Promise((done) => {
    const nothing = () => done(null);
    try {
      const opening = indexedDB.open(STORE, 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
      opening.onerror = nothing;
      opening.onsuccess = () => {
        const change = opening.result.transaction(STORE, "readwrite");
        const asked = ask(change.objectStore(STORE));
        change.oncomplete = () => { opening.result.close(); done(asked.result); };
        change.onerror = change.onabort = nothing;
      };
    } catch {
      nothing();
    }
  });
}

function forget() {
  return kept((store) => store.delete(LAST));
}

async function restore(input) {
  const found = await kept((store) => store.get(LAST));
  if (!found) return;
  const isOver = found.base === words.base && !input; // answered meanwhile
  if (isOver || found.at < Date.now() - KEPT_MS) await forget();
  else if (found.base === words.base && !input.files.length) show(input, found.files);
}

function show(input, files) {
  const carrier = new DataTransfer();
  for (const file of files) carrier.items.add(file);
  input.files = carrier.files;
  input.dispatchEvent(new Event("change"));
}

const prepared = new WeakMap(); // of an input: a promise of its files, made smaller

function prepare(input) {
  const previews = input.form.querySelector("[data-previews]");
  previews.textContent = "";
  const ready = Promise.all([...input.files].map((file) => smaller(file, previews)));
  prepared.set(input, ready);
  return ready;
}

for (const input of document.querySelectorAll("input[type=file]")) {
  input.addEventListener("change", async () => {
    for (const told of input.form.querySelectorAll("[data-told]")) told.remove();
    input.removeAttribute("aria-invalid");
    if (input.files.length > MOST_PHOTOGRAPHS) {
      input.form.querySelector("[data-previews]").textContent = "";
      stand(null);
      tell(input.form, { photographs: words.many });
      return;
    }
    if (input.id === "fix" && input.files.length) {
      stand(input.form.querySelector("[type=submit]"));
      say(words.preparing);
    }
    const files = await prepare(input);
    if (!files.length) return;
    if (files.some((file) => !/^image\/(jpeg|png|webp)$/.test(file.type))) {
      if (input.required) input.value = ""; // an objection must not go without what was to show it
      stand(null);
      tell(input.form, { photographs: words.unreadable });
    } else if (input.id === "fix") {
      say(words.ready);
      retake.hidden = false;
      input.form.querySelector("[type=submit]").scrollIntoView({ block: "center" });
      if (!practice) kept((store) => store.put({ base: words.base, files, at: Date.now() }, LAST));
    }
  });
}
if (!practice) restore(document.querySelector("#fix"));

// ---- sending ----

async function contentOf(form) {
  const content = new FormData();
  for (const [name, value] of new FormData(form)) if (!(value instanceof File)) content.append(name, value);
  for (const input of form.querySelectorAll("input[type=file]")) {
    if (!input.files.length) continue;
    if (input.files.length > MOST_PHOTOGRAPHS) throw Object.assign(new RangeError("told"), { wrong: { photographs: words.many } });
    for (const file of await (prepared.get(input) || prepare(input))) {
      if (file.size > LARGEST_BYTES) throw new RangeError(words.large);
      content.append("photographs", file);
    }
  }
  return content;
}

function wait(seconds) {
  return new Promise((done) => {
    const timer = setTimeout(done, seconds * 1000);
    const now = () => { clearTimeout(timer); done(); };
    addEventListener("online", now, { once: true });
    say(words.waiting, now);
  });
}

// The same form may arrive twice: the server does it once, and answers the second time as the first.
async function send(form) {
  const body = await contentOf(form);
  for (let pause = 1; ; pause = Math.min(2 * pause, SLOWEST_S)) {
    say(words.sending);
    const tooLong = new AbortController();
    setTimeout(() => tooLong.abort(), TRY_S * 1000);
    let answer = null;
    let told = {};
    try {
      answer = await fetch(form.action, {
        method: "POST", body, headers: { Accept: "application/json" }, signal: tooLong.signal,
      });
      told = await answer.json();
    } catch {
      // The connection broke off, or somebody between has answered.
    }
    if (told.url) {
      if (form.querySelector("#fix")) await forget();
      return told.url;
    }
    if (answer && (answer.status === 422 || answer.status === 409)) {
      // Somebody did something else meanwhile: who has read that goes on from there, with the same photograph.
      if (told.version) for (const field of document.querySelectorAll("[name=version]")) field.value = told.version;
      if (told.wrong) throw Object.assign(new RangeError("told"), { wrong: told.wrong });
    }
    if (answer && answer.status === 413) throw new RangeError(words.heavy); // for a proxy before the centre
    // What cannot be put right by sending it again is told by the page itself.
    if (answer && answer.status < 500 && answer.status !== 429) return words.base;
    await wait(pause);
  }
}

// At its field, as on the page without scripts; what belongs to none stands above the buttons.
function tell(form, wrong) {
  for (const told of form.querySelectorAll("[data-told]")) told.remove();
  const others = [];
  for (const [name, text] of Object.entries(wrong)) {
    const field = form.querySelector(`.field [name="${name}"]`);
    if (!field) {
      others.push(text);
      continue;
    }
    const told = document.createElement("span");
    Object.assign(told, { className: "wrong", id: `${field.id}-wrong`, textContent: text });
    told.dataset.told = "";
    field.before(told);
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", told.id);
    field.focus();
  }
  say(others.join(" "));
  if (others.length) status.scrollIntoView({ block: "center" });
}

for (const form of practice ? [] : document.querySelectorAll("form[data-send]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    if (button.disabled) return; // a second tap
    button.disabled = true;
    stand(button);
    try {
      location.assign(await send(form));
    } catch (problem) {
      if (!(problem instanceof RangeError)) throw problem;
      tell(form, problem.wrong || { problem: problem.message });
    } finally {
      button.disabled = false;
    }
  });
}
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); }); // back after an act: as it is now
