// @ts-check
/** Buttons that copy what is shown once. Without this script the text is selected by a click. */
for (const button of document.querySelectorAll("button[data-copies]")) {
  const { copies, done } = /** @type {HTMLButtonElement} */ (button).dataset;
  const source = document.getElementById(copies ?? "");
  const told = document.createElement("span");
  told.setAttribute("role", "status");
  button.after(" ", told);
  button.addEventListener("click", async () => {
    if (!source) return;
    // Selected, too: for browsers that refuse, and for whoever wants to see what was copied.
    getSelection()?.selectAllChildren(source);
    try {
      await navigator.clipboard.writeText(source.textContent ?? "");
    } catch {
      // Over plain http there is no clipboard for scripts but this one.
      if (!document.execCommand("copy")) return;
    }
    told.textContent = done ?? "";
  });
  button.removeAttribute("hidden");
}
