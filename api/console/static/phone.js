// What makes the phone page better where scripts run; without this file everything works by forms alone.
//  - tells that the page was opened, which programs that fetch previews of links do not
//  - reads the text aloud
//  - keeps the photograph that was taken until it is sent, and sends again by itself after a connection that broke
// Phones keep the browser inside of their chat for years: nothing in here is younger than Chrome 69.

const page = document.querySelector("[data-base]");
const words = page.dataset;
const practice = "practice" in words;
const status = document.querySelector("[data-status]");

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

// photographs.js, which stands before this file, makes them smaller and keeps them.
const { keep, restore, forget } = window.keptPhotographs;
const fix = document.querySelector("#fix");
const retake = document.querySelector("[data-retake]");
if (retake) retake.addEventListener("click", () => fix.click());

if (fix) {
  fix.addEventListener("ready", () => {
    const send = fix.form.querySelector("[type=submit]");
    stand(send);
    say(words.ready);
    retake.hidden = false;
    send.scrollIntoView({ block: "center" });
    if (!practice) keep(words.base, fix.small);
  });
}
if (!practice) restore(words.base, fix);

// ---- sending ----

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
  const body = new FormData(form);
  for (const input of form.querySelectorAll("input[type=file]")) {
    if (!input.small) continue;
    body.delete(input.name);
    for (const file of input.small) body.append(input.name, file);
  }
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
