// @ts-check
/**
 * The page that a mailed link opens. The token stands behind the "#", which browsers keep to
 * themselves: it is in no log, no Referer, and no server has it before the button is pressed.
 */

/** @type {Record<string, string>} */
const REASONS = {
  session_ended: "This link has already been used. Each link works once.",
  expired: "This link is too old. Each link works for ten minutes.",
  credentials_changed: "Your password was changed after this link was sent.",
};
const OTHERWISE = "This link does not work. It may have been cut off: copy the whole link.";

const page = /** @type {HTMLElement} */ (document.querySelector("[data-token-url]"));
const form = /** @type {HTMLFormElement} */ (page.querySelector("form"));
const error = /** @type {HTMLElement} */ (page.querySelector(".error"));
const again = /** @type {HTMLElement} */ (page.querySelector("[data-for=again]"));
const token = location.hash.slice(1);

/** @param {string} reason */
function refuse(reason) {
  form.hidden = true;
  again.hidden = false;
  error.textContent = REASONS[reason] ?? OTHERWISE;
}

/** @param {SubmitEvent} event */
async function enter(event) {
  event.preventDefault();
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  button.disabled = true;
  error.textContent = "";
  try {
    const response = await fetch(page.dataset.tokenUrl ?? "", {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-CSRFToken": String(new FormData(form).get("csrfmiddlewaretoken")),
      },
      body: JSON.stringify({ token }),
    });
    if (response.ok) return location.replace(page.dataset.next ?? "/");
    if (response.status === 401) return refuse((await response.json()).reason);
    error.textContent = "That did not work. Try again in a moment.";
  } catch {
    error.textContent = "The server cannot be reached. Try again.";
  }
  button.disabled = false;
}

// Not in the history either, nor for whoever looks at the screen.
history.replaceState(null, "", location.pathname);
form.addEventListener("submit", enter);
if (token) form.hidden = false;
else refuse("");
