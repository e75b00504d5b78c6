// Calls the API; asks for the token when the daemon wants one, and keeps it for this tab only.

const KEY = "relaypilot-token";
const form = document.getElementById("token-form");
const field = document.getElementById("token");
const wrong = document.getElementById("token-wrong");

export class ApiError extends Error {}

function headers() {
  const token = sessionStorage.getItem(KEY);
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

// Resolves when a token has been entered.
function askForToken() {
  wrong.hidden = sessionStorage.getItem(KEY) === null;
  sessionStorage.removeItem(KEY);
  form.hidden = false;
  const badge = document.getElementById("connection");
  if (badge) Object.assign(badge, { textContent: "waiting for a token", className: "badge" });
  field.focus();
  return new Promise((resolve) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEY, field.value);
      field.value = "";
      form.hidden = true;
      if (badge) badge.textContent = "connecting";
      resolve();
    }, { once: true });
  });
}

let asking = null;

// Returns the response; comes back only with one that is in order.
export async function request(path, options = {}) {
  for (;;) {
    const sent = sessionStorage.getItem(KEY);
    const response = await fetch(path, { ...options, headers: headers(), cache: "no-store" });
    if (response.ok) return response;
    if (response.status !== 401) {
      const problem = await response.json().catch(() => ({}));
      throw new ApiError(problem.detail ?? `${path} answered ${response.status}`);
    }
    if (sessionStorage.getItem(KEY) !== sent) continue; // it was sent before the token was entered
    asking ??= askForToken().finally(() => { asking = null; });
    await asking;
  }
}

// Yields the data of server-sent events. EventSource cannot send a token, so the text is read here.
export async function* events(path) {
  const response = await request(path);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (waiting + value).split("\n\n");
    waiting = blocks.pop();
    for (const block of blocks) {
      if (block.startsWith("data: ")) yield JSON.parse(block.slice("data: ".length));
    }
  }
}
