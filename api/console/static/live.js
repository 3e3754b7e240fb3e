// Keeps a list up to date: asks for it every few seconds with the ETag of what is shown, and replaces it only when it changed.
// Nothing is asked while the page is hidden or paused. Nothing in here is younger than Chrome 69, as in phone.js.

const list = document.querySelector("[data-live]");
const controls = document.querySelector("[data-live-controls]");
const status = controls.querySelector("[data-live-status]");
const pause = controls.querySelector("[data-live-pause]");

const words = list.dataset;
const everyMs = Number(words.liveSeconds) * 1000;
// A server that is away is asked less and less often, up to this.
const slowestMs = 30000;

let etag = words.liveEtag;
let waitMs = everyMs;
let timer = 0;
let paused = false;
let ended = false;

function keys() {
  return new Set([...list.querySelectorAll("[data-key]")].map((item) => item.dataset.key));
}

function say(text) {
  if (status.textContent !== text) status.textContent = text;
}

function show(html) {
  const known = keys();
  const focused = list.contains(document.activeElement) ? document.activeElement.id : "";
  const template = document.createElement("template");
  template.innerHTML = html;
  list.textContent = "";
  list.append(template.content);
  const fresh = [...list.querySelectorAll("[data-key]")].filter((item) => !known.has(item.dataset.key));
  fresh.forEach((item) => item.classList.add("is-new"));
  const again = focused && document.getElementById(focused);
  if (again) again.focus({ preventScroll: true });
  return fresh.length > 0;
}

async function look() {
  const tooLong = new AbortController();
  setTimeout(() => tooLong.abort(), 10000);
  const answer = await fetch(words.live, { headers: { "If-None-Match": etag }, signal: tooLong.signal });
  if (answer.redirected || answer.status === 401) {
    // The session has ended: the page itself leads to the sign-in and back here. One that nobody sits at says so, and stays.
    if (words.ended) {
      say(words.ended);
      ended = true;
    } else location.reload();
    return;
  }
  if (answer.status !== 304) {
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const arrived = show(await answer.text());
    etag = answer.headers.get("ETag");
    say(arrived && words.new ? words.new : words.updating);
  } else if (status.textContent === words.lost) {
    say(words.updating);
  }
}

async function turn() {
  clearTimeout(timer);
  if (paused || ended || document.hidden) return;
  try {
    await look();
    waitMs = everyMs;
  } catch {
    say(words.lost);
    waitMs = Math.min(waitMs * 2, slowestMs);
  }
  if (list.querySelector("[data-live-end]")) ended = controls.hidden = true; // What was waited for has come.
  if (!ended) timer = setTimeout(turn, waitMs);
}

pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  pause.textContent = paused ? words.resume : words.pause;
  say(paused ? words.paused : words.updating);
  turn();
});
document.addEventListener("visibilitychange", turn);

controls.hidden = false;
say(words.updating);
timer = setTimeout(turn, waitMs);
