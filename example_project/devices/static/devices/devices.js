// @ts-check
import { auth, find, offer, update, valueOf } from "./page.js";

const sessions = new URL("sessions/", new URL(document.body.dataset.auth ?? "", location.href));

const dialog = () => /** @type {HTMLDialogElement} */ (find("dialog"));

/** What goes on when the user has signed in again. @type {() => unknown} */
let goOn = () => {};

/**
 * @param {string} path @param {string} method @param {object | null} body
 * @param {string} message
 */
async function change(path, method, body, message) {
  const headers = { "Content-Type": "application/json" };
  const init = body ? { method, headers, body: JSON.stringify(body) } : { method };
  const response = await auth.fetch(new URL(path, sessions), init);
  // Signed out: the form to sign in is coming.
  if (response.status === 401) return;
  const { code } = response.ok ? {} : await response.json().catch(() => ({}));
  if (code === "insufficient_user_authentication") {
    goOn = () => change(path, method, body, message);
    return dialog().showModal();
  }
  await update(response.ok ? message : "That did not work.");
}

/** Sign in again, and go on with what that was needed for. @param {HTMLElement} form */
async function prove(form) {
  const response = await auth.signIn({
    username: valueOf(form, "username"),
    password: valueOf(form, "password"),
  });
  if (!response.ok) {
    const { detail } = await response.json();
    find("dialog .error").textContent = detail ?? "That did not work.";
    return /** @type {HTMLInputElement} */ (find("#password")).select();
  }
  dialog().close();
  await goOn();
}

function forget() {
  /** @type {HTMLFormElement} */ (find("dialog form")).reset();
  find("dialog .error").textContent = "";
}

/** @param {HTMLElement} device @param {boolean} open */
function edit(device, open) {
  const form = /** @type {HTMLElement} */ (device.querySelector("form"));
  const actions = /** @type {HTMLElement} */ (device.querySelector(".actions"));
  form.hidden = !open;
  actions.hidden = open;
  if (open) form.querySelector("input")?.select();
  else actions.querySelector("button")?.focus();
}

/** @param {boolean} open */
function askOthers(open) {
  find(".others").hidden = !open;
  find("[data-action=ask-others]").hidden = open;
  find(open ? "[data-action=end-others]" : "[data-action=ask-others]").focus();
}

offer({
  "edit": (button, device) => edit(device, true),
  "cancel": (button, device) => edit(device, false),
  "rename": (form, device) =>
    change(`${device.dataset.sid}/`, "PATCH", { name: valueOf(form, "name") }, "Renamed."),
  "end": (button, device) =>
    change(`${device.dataset.sid}/`, "DELETE", null, "That device is signed out."),
  "ask-others": () => askOthers(true),
  "keep-others": () => askOthers(false),
  "end-others": () => change("", "DELETE", null, "All other devices are signed out."),
  "prove": prove,
  "give-up": () => dialog().close(),
});
// Escape closes it, too.
dialog().addEventListener("close", forget);
