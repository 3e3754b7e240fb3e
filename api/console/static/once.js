// A second tap, on a slow network or a slow phone, sends no form a second time: a target, a program or an invitation would be there
// twice. A form is open again when its page is shown anew, or after a while, in case its sending was broken off. What a script
// sends is its own matter. Nothing in here is younger than Chrome 69, as in phone.js.

const CLOSED_MS = 10000;
let sent = new WeakMap();

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
  if (sent.has(form) && performance.now() - sent.get(form) < CLOSED_MS) event.preventDefault();
  else sent.set(form, performance.now());
});
addEventListener("pageshow", () => { sent = new WeakMap(); });
