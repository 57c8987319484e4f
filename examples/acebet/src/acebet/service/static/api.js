// The server, asked: the token is kept here, in the tab's memory, and nowhere else.

let token = "";

/** What the server said instead of an answer, in a sentence. */
export class Refused extends Error {
  constructor(status, message, { field = "", near = [] } = {}) {
    super(message);
    Object.assign(this, { status, field, near });
  }
}

export const signedIn = () => token !== "";
export const signOut = () => { token = ""; };

export async function signIn(username, password) {
  const body = new URLSearchParams({ username, password });
  token = (await ask("token", { method: "POST", body })).access_token;
}

export const me = () => ask("users/me");
export const players = (q, signal) => ask(`players?${new URLSearchParams({ q })}`, { signal });
export const curve = (player, until) => ask(`elo?${new URLSearchParams({ player, until })}`);

export const predict = match => ask("predict", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(match),
});

async function ask(path, { headers = {}, ...options } = {}) {
  const shown = signedIn() ? { authorization: `Bearer ${token}` } : {};
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { ...headers, ...shown } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "The server does not answer.");
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw refusal(answer.status, said.detail);
  return said;
}

function refusal(status, detail) {
  if (Array.isArray(detail)) {
    const said = detail.map(({ loc, msg }) => `${loc.at(-1)}: ${msg}`).join("; ");
    return new Refused(status, said, { field: detail[0].loc.at(-1) });
  }
  if (detail?.message) return new Refused(status, detail.message, detail);
  return new Refused(status, detail || `The server answers with ${status}.`);
}
