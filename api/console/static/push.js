// Switches Web Push on: asks the person, then the browser's push service, and sends what it gave out with the form.

const form = document.querySelector("[data-push]");
const status = form.querySelector("[data-push-status]");
const words = form.dataset;

function bytes(base64url) {
  const base64 = base64url.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

function isSame(buffer, key) {
  const mine = new Uint8Array(buffer || []);
  return mine.length === key.length && mine.every((byte, place) => byte === key[place]);
}

// The worker of the shown version; a subscription needs one that is active.
async function activeWorker() {
  const registration = await navigator.serviceWorker.register(words.worker);
  const coming = registration.installing || registration.waiting;
  if (coming && coming.state !== "activated") {
    await new Promise((done, failed) =>
      coming.addEventListener("statechange", () => {
        if (coming.state === "activated") done();
        if (coming.state === "redundant") failed(new Error("the worker was not installed"));
      }),
    );
  }
  return registration;
}

async function subscription() {
  const key = bytes(words.key);
  const { pushManager } = await activeWorker();
  const before = await pushManager.getSubscription();
  // One of another key takes no message of ours.
  if (before && !isSame(before.options.applicationServerKey, key)) await before.unsubscribe();
  return pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) {
    status.textContent = words.unsupported;
    return;
  }
  status.textContent = words.asking;
  if ((await Notification.requestPermission()) !== "granted") {
    status.textContent = words.denied;
    return;
  }
  try {
    const { endpoint, keys } = (await subscription()).toJSON();
    Object.assign(form.elements.endpoint, { value: endpoint });
    Object.assign(form.elements.p256dh, { value: keys.p256dh });
    Object.assign(form.elements.auth, { value: keys.auth });
    form.submit();
  } catch {
    status.textContent = words.failed;
  }
});
