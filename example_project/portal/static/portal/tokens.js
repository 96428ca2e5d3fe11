// @ts-check
import { auth, find, offer, say, update, valueOf } from "../devices/page.js";

const api = new URL(find("[data-api]").dataset.api ?? "", location.href);

const createForm = () => /** @type {HTMLFormElement} */ (find("#create"));
const dialog = () => /** @type {HTMLDialogElement} */ (find("dialog"));
const field = () => /** @type {HTMLTextAreaElement} */ (find("#raw"));

/** @param {HTMLElement} form @param {string} message */
function complain(form, message) {
  const place = /** @type {HTMLElement} */ (form.querySelector(".error"));
  place.textContent = message;
}

/** Return the server's sentence. @param {Record<string, any>} body */
function sentence({ detail, ...fields }) {
  return detail ?? Object.values(fields).flat().join(" ");
}

/** @param {HTMLElement} form */
async function create(form) {
  const scopes = new FormData(createForm()).getAll("scope");
  complain(form, "");
  // Without the field the token would get everything that its owner may do.
  if (!scopes.length) return complain(form, "Choose what it may do.");
  const response = await auth.fetch(api, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      name: valueOf(form, "name"),
      expires_in: Number(valueOf(form, "expires_in")),
      scope: scopes.join(" "),
    }),
  });
  // Signed out: the form to sign in is coming.
  if (response.status === 401) return;
  const body = await response.json();
  if (body.code === "insufficient_user_authentication") return dialog().showModal();
  if (!response.ok) return complain(form, sentence(body));
  createForm().reset();
  // Before anything else can fail: it cannot be had again.
  show(body);
  await update("The token has been created.", ".tokens");
  field().focus();
}

/** @param {{ id: string, name: string, token: string }} made */
function show({ id, name, token }) {
  find(".fresh").dataset.id = id;
  find(".fresh [data-for=name]").textContent = name;
  field().value = token;
  find(".fresh").hidden = false;
}

function hide() {
  field().value = "";
  find(".fresh").hidden = true;
}

async function copy() {
  field().select();
  try {
    await navigator.clipboard.writeText(field().value);
    say("Copied.");
  } catch {
    // Over plain http, or the browser does not allow it.
    say("Press Ctrl+C or ⌘C to copy.");
  }
}

/** Sign in again, and go on with what that was needed for. @param {HTMLElement} form */
async function prove(form) {
  const response = await auth.signIn({
    username: valueOf(form, "username"),
    password: valueOf(form, "password"),
  });
  if (!response.ok) {
    const wrong = response.status === 401;
    complain(form, wrong ? "That is not your password." : sentence(await response.json()));
    return /** @type {HTMLInputElement} */ (find("#password")).select();
  }
  dialog().close();
  await create(createForm());
}

function forget() {
  const form = /** @type {HTMLFormElement} */ (dialog().querySelector("form"));
  form.reset();
  complain(form, "");
}

/** @param {HTMLElement} token @param {boolean} open */
function ask(token, open) {
  const sure = /** @type {HTMLElement} */ (token.querySelector(".sure"));
  const actions = /** @type {HTMLElement} */ (token.querySelector(".actions"));
  sure.hidden = !open;
  actions.hidden = open;
  (open ? sure : actions).querySelector("button")?.focus();
}

/** @param {HTMLElement} token */
async function revoke(token) {
  const { id } = token.dataset;
  const response = await auth.fetch(new URL(`${id}/`, api), { method: "DELETE" });
  if (response.status === 401) return;
  if (response.ok && find(".fresh").dataset.id === id) hide();
  await update(response.ok ? "The token is revoked." : "That did not work.", ".tokens");
}

offer({
  "create": create,
  "copy": copy,
  "done": () => (hide(), find("h1").focus()),
  "prove": prove,
  "give-up": () => dialog().close(),
  "ask": (button, token) => ask(token, true),
  "keep": (button, token) => ask(token, false),
  "revoke": (button, token) => revoke(token),
});
// Escape closes it, too.
dialog().addEventListener("close", forget);
// The browser may keep the page for when its user comes back.
addEventListener("pagehide", hide);
