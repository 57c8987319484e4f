// The command that asks for the same as the form, to be copied.

const $ = selector => document.querySelector(selector);
const quoted = text => `'${text.replaceAll("'", `'\\''`)}'`;

/** Show it for a request that has this `body`, and a key where `keys` are needed. */
export function tellCommand(address, body, keys) {
  const lines = [`curl ${quoted(address.href)}`, "-H 'content-type: application/json'"];
  if (keys) lines.push('-H "authorization: Bearer $API_KEY"');
  lines.push(`--data-raw ${quoted(body)}`);
  $("#command pre").textContent = lines.join(" \\\n  ");
}

export async function copy() {
  const place = $("#command pre");
  try {
    await navigator.clipboard.writeText(place.textContent);
    $("#copied").textContent = "Copied.";
  } catch {
    // Where a page may not write to the clipboard, a person may.
    getSelection().selectAllChildren(place);
    $("#copied").textContent = "Selected: copy it with the keyboard.";
  }
}
