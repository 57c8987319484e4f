// Where keys are needed: the page is asked for with the key, and takes the place of what is shown.

// Browsers without trusted types take the text itself.
const makePolicy = () => globalThis.trustedTypes
  ? trustedTypes.createPolicy("holdfast-page", { createHTML: text => text })
  : { createHTML: text => text };
let policy;

/** Show what this server has at `address`; says why where it does not. */
export async function unlock(address, headers) {
  let answer, text;
  try {
    answer = await fetch(address, { headers, cache: "no-store" });
    text = await answer.text();
  } catch {
    return "The server does not answer.";
  }
  if (answer.status === 401) return "The server does not know this key.";
  if (!answer.ok) return `The server answers ${answer.status}.`;
  // The server's own page, as if the browser had opened it: scripts in it would not run.
  policy ??= makePolicy();
  const page = new DOMParser().parseFromString(policy.createHTML(text), "text/html");
  document.title = page.title;
  document.body.replaceWith(page.body);
  return "";
}
