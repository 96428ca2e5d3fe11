// @ts-check
import { auth, offer, update, valueOf } from "./page.js";

const sessions = new URL("sessions/", new URL(document.body.dataset.auth ?? "", location.href));

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
  await update(response.ok ? message : "That did not work.");
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

offer({
  "edit": (button, device) => edit(device, true),
  "cancel": (button, device) => edit(device, false),
  "rename": (form, device) =>
    change(`${device.dataset.sid}/`, "PATCH", { name: valueOf(form, "name") }, "Renamed."),
  "end": (button, device) =>
    change(`${device.dataset.sid}/`, "DELETE", null, "That device is signed out."),
  "end-others": () => change("", "DELETE", null, "All other devices are signed out."),
});
