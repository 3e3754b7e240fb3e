// The photographs of an answer are made smaller before they are sent, and what cannot be sent is told at once, not after megabytes
// on a slow network. The last ones are kept in this browser until they are sent: the camera that a page opens keeps none, and a phone
// that dies, a chat that throws the page away, or a session that has ended would lose them. Without this file they go as they are.
// Nothing in here is younger than Chrome 69, as in phone.js.

const LONGEST_SIDE_PX = 1600;
const JPEG_QUALITY = 0.82;
const LARGEST_BYTES = 10000000; // what the server takes of one photograph
const MOST_PHOTOGRAPHS = 6; // and how many
const KEPT_MS = 86400000; // a photograph is to show how it is now
const STORE = "sunshine-answer";
const LAST = "last";

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

// A JPEG of at most LONGEST_SIDE_PX a side, and what it shows; the file as it is where this browser cannot read it.
async function smaller(file) {
  const picture = new Image();
  picture.src = URL.createObjectURL(file);
  try {
    await picture.decode();
    const scale = Math.min(1, LONGEST_SIDE_PX / Math.max(picture.naturalWidth, picture.naturalHeight));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.naturalWidth * scale);
    canvas.height = Math.round(picture.naturalHeight * scale);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const small = await new Promise((done) => canvas.toBlob(done, "image/jpeg", JPEG_QUALITY));
    if (!small) return { file, canvas };
    let exif = null;
    try {
      exif = exifOf(await new Response(file.slice(0, 131072)).arrayBuffer());
    } catch {
      exif = null; // damaged: sent without
    }
    const parts = exif ? [small.slice(0, 2), exif, small.slice(2)] : [small];
    return { file: new File(parts, "photograph.jpg", { type: "image/jpeg" }), canvas };
  } catch {
    return { file };
  } finally {
    URL.revokeObjectURL(picture.src);
  }
}

function wrongWith(files, words) {
  if (files.some((file) => !/^image\/(jpeg|png|webp)$/.test(file.type))) return words.unreadable;
  return files.some((file) => file.size > LARGEST_BYTES) ? words.large : "";
}

// The browser sends no form in which something is wrong.
function tell(input, text) {
  const id = `${input.id}-wrong`;
  const before = document.getElementById(id);
  if (before) before.remove();
  input.setCustomValidity(text);
  input.removeAttribute("aria-invalid");
  if (!text) return;
  const told = document.createElement("span");
  Object.assign(told, { className: "wrong", id, textContent: text });
  told.setAttribute("role", "alert");
  input.before(told);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", id);
  input.focus();
}

for (const input of document.querySelectorAll("input[type=file][data-many]")) {
  const words = input.dataset;
  const previews = input.form.querySelector("[data-previews]");
  const send = input.form.querySelector("[type=submit]");
  let choice = 0;
  input.addEventListener("change", async () => {
    const mine = ++choice;
    input.small = null;
    const files = [...input.files];
    const tooMany = files.length > MOST_PHOTOGRAPHS;
    tell(input, tooMany ? words.many : "");
    send.disabled = files.length > 0 && !tooMany;
    previews.textContent = send.disabled ? words.preparing : "";
    if (!send.disabled) return;
    const ready = [];
    for (const file of files) ready.push(await smaller(file)); // one at a time: six at once are more than a cheap phone holds
    if (mine !== choice) return;
    previews.textContent = "";
    for (const { canvas } of ready) if (canvas) previews.append(canvas);
    input.small = ready.map(({ file }) => file);
    try {
      const carrier = new DataTransfer();
      for (const file of input.small) carrier.items.add(file);
      input.files = carrier.files;
    } catch {
      // Safari before 14.1 makes no such list: there phone.js sends the small ones, and the page of a case those that were chosen.
    }
    send.disabled = false;
    const wrong = wrongWith(input.small, words);
    tell(input, wrong);
    if (!wrong) input.dispatchEvent(new Event("ready"));
  });
}

// ---- kept ----

// What is asked of the browser's store answers nothing where it has none.
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

// `base` says of which answer they are.
function keep(base, files) {
  return kept((store) => store.put({ base, files, at: Date.now() }, LAST));
}

// Without an input it was answered meanwhile.
async function restore(base, input) {
  const found = await kept((store) => store.get(LAST));
  if (!found) return;
  const isOver = found.base === base && !input;
  if (isOver || found.at < Date.now() - KEPT_MS) await forget();
  else if (found.base === base && !input.files.length) show(input, found.files);
}

function show(input, files) {
  const carrier = new DataTransfer();
  for (const file of files) carrier.items.add(file);
  input.files = carrier.files;
  input.dispatchEvent(new Event("change"));
}

window.keptPhotographs = { keep, restore, forget }; // for phone.js

// With an account: a form that came back (data-keep="back") has them still; one that is begun anew begins without.
const answering = [...document.querySelectorAll("input[data-keep]")];
for (const input of answering) {
  const base = new URL(input.form.action).pathname;
  input.addEventListener("ready", () => keep(base, input.small));
  if (input.dataset.keep === "back") restore(base, input);
}
if (!answering.length && location.pathname.startsWith("/cases/")) restore(`${location.pathname}/answer`, null);
