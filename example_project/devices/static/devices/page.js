// @ts-check
/** What the pages have in common: who is signed in, and buttons and forms that do something. */
import { createAuth } from "../django_jwtauth/auth.js";

/** @type {Record<string, string>} */
const REASONS = {
  signed_out: "You have signed out.",
  session_ended: "This device was signed out from elsewhere.",
  reused: "Someone used an old token of this device. Sign in again to be safe.",
  credentials_changed: "Your password was changed.",
  expired: "You have been away for too long.",
};

export const auth = createAuth({
  base: /** @type {string} */ (document.body.dataset.auth),
  onSignedOut,
});

/** @param {string} selector */
export const find = (selector) => /** @type {HTMLElement} */ (document.querySelector(selector));

/** @param {HTMLElement} form @param {string} name */
export const valueOf = (form, name) =>
  String(new FormData(/** @type {HTMLFormElement} */ (form)).get(name));

const isSignInPage = () => Boolean(document.querySelector("[data-page=sign-in]"));

/** @param {string} reason */
function onSignedOut(reason) {
  if (isSignInPage()) return;
  sessionStorage.setItem("reason", reason);
  location.reload();
}

/** @param {string} message */
export function say(message) {
  find(".toast").textContent = message;
}

/**
 * Show a part of the page as it is now, without leaving it.
 * @param {string} message @param {string} part
 */
export async function update(message, part = "main") {
  const response = await auth.fetch(location.href);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.querySelector(part);
  // Signed out: onSignedOut has taken over.
  if (!fresh) return;
  find(part).replaceWith(fresh);
  find("h1").focus();
  say(message);
}

/**
 * What `data-action` may name: called with the button or form, and the list item it is in.
 * @type {Record<string, (element: HTMLElement, item: HTMLElement) => unknown>}
 */
const ACTIONS = { "sign-out": () => auth.signOut(), "sign-in": signIn };

/** @param {typeof ACTIONS} actions */
export function offer(actions) {
  Object.assign(ACTIONS, actions);
}

/** @param {HTMLElement} form */
async function signIn(form) {
  const response = await auth.signIn({
    username: valueOf(form, "username"),
    password: valueOf(form, "password"),
    remember: valueOf(form, "remember") === "on",
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
  const buttons = element.closest("form, li, header, .heading")?.querySelectorAll("button");
  const item = /** @type {HTMLElement} */ (element.closest("li"));
  say("");
  try {
    const running = ACTIONS[element.dataset.action ?? ""](element, item);
    // What is done at once may have moved the focus to one of them.
    if (running instanceof Promise) buttons?.forEach((button) => (button.disabled = true));
    await running;
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
