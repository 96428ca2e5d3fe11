// @ts-check
import { createAuth } from "../django_jwtauth/auth.js";

/** @type {Record<string, string>} */
const REASONS = {
  signed_out: "You have signed out.",
  session_ended: "This device was signed out from elsewhere.",
  reused: "Someone used an old token of this device. Sign in again to be safe.",
  credentials_changed: "Your password was changed.",
  expired: "You have been away for long.",
};

const auth = createAuth({ base: /** @type {string} */ (document.body.dataset.auth), onSignedOut });
const sessions = new URL("sessions/", new URL(document.body.dataset.auth ?? "", location.href));

/** @param {string} selector */
const find = (selector) => /** @type {HTMLElement} */ (document.querySelector(selector));
const isSignInPage = () => Boolean(document.querySelector("[data-page=sign-in]"));

/** @param {string} reason */
function onSignedOut(reason) {
  if (isSignInPage()) return;
  sessionStorage.setItem("reason", reason);
  location.reload();
}

/** @param {string} message */
function say(message) {
  find(".toast").textContent = message;
}

/** Show the page as it is now, without leaving it. @param {string} message */
async function update(message) {
  const response = await auth.fetch(location.href);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  find("main").replaceWith(/** @type {Element} */ (page.querySelector("main")));
  find("h1").focus();
  say(message);
}

/**
 * @param {string} path @param {string} method @param {object | null} body
 * @param {string} message
 */
async function change(path, method, body, message) {
  const headers = { "Content-Type": "application/json" };
  const init = body ? { method, headers, body: JSON.stringify(body) } : { method };
  const response = await auth.fetch(new URL(path, sessions), init);
  // Signed out: onSignedOut has taken over.
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

/** @type {Record<string, (element: HTMLElement, device: HTMLElement) => unknown>} */
const ACTIONS = {
  "edit": (button, device) => edit(device, true),
  "cancel": (button, device) => edit(device, false),
  "rename": (form, device) =>
    change(`${device.dataset.sid}/`, "PATCH", { name: valueOf(form, "name") }, "Renamed."),
  "end": (button, device) =>
    change(`${device.dataset.sid}/`, "DELETE", null, "That device is signed out."),
  "end-others": () => change("", "DELETE", null, "All other devices are signed out."),
  "sign-out": () => auth.signOut(),
  "sign-in": signIn,
};

/** @param {HTMLElement} form @param {string} name */
const valueOf = (form, name) => String(new FormData(/** @type {HTMLFormElement} */ (form)).get(name));

/** @param {HTMLElement} form */
async function signIn(form) {
  const response = await auth.signIn({
    username: valueOf(form, "username"),
    password: valueOf(form, "password"),
  });
  if (response.ok) return location.reload();
  const { detail } = await response.json();
  find(".error").textContent = detail ?? "Enter name and password.";
  /** @type {HTMLInputElement} */ (find("[name=password]")).select();
}

/** @param {Event} event */
async function act(event) {
  const element = /** @type {Element} */ (event.target).closest("[data-action]");
  if (!(element instanceof HTMLElement)) return;
  if ((element instanceof HTMLFormElement) !== (event.type === "submit")) return;
  event.preventDefault();
  const buttons = element.closest("form, .device, header, .heading")?.querySelectorAll("button");
  buttons?.forEach((button) => (button.disabled = true));
  say("");
  try {
    const device = /** @type {HTMLElement} */ (element.closest(".device"));
    await ACTIONS[element.dataset.action ?? ""](element, device);
  } catch {
    say("The server cannot be reached. Try again.");
  } finally {
    buttons?.forEach((button) => (button.disabled = false));
  }
}

async function start() {
  document.addEventListener("click", act);
  document.addEventListener("submit", act);
  if (!isSignInPage()) return;
  // The access cookie may merely have expired.
  if (await auth.refresh().catch(() => false)) return location.reload();
  const reason = sessionStorage.getItem("reason") ?? "";
  sessionStorage.removeItem("reason");
  find("[data-for=checking]").hidden = true;
  find("form").hidden = false;
  find("[data-for=reason]").hidden = !(reason in REASONS);
  find("[data-for=reason]").textContent = REASONS[reason] ?? "";
  find("[name=username]").focus();
}

start();
