// @ts-check
/**
 * Sign-in for pages, against the endpoints of django-jwtauth. An ES module without dependencies.
 *
 * @typedef {object} Options
 * @property {string} base Where the endpoints are: "/auth/" with cookies, "/api/" without.
 * @property {boolean} [cookies] True, the default: tokens in cookies that no script can read.
 *   False: tokens in `storage` and in the Authorization header, or in `header`.
 * @property {string} [header] The server's AUTH_HEADER_NAME, "Authorization" by default.
 * @property {Pick<Storage, "getItem" | "setItem" | "removeItem">} [storage] Where tabs share the
 *   tokens, localStorage by default. With cookies it contains a time and no token.
 * @property {(reason: string) => void} [onSignedOut] Called once when the user is no longer signed
 *   in: "signed_out", "not_signed_in", or a `reason` from the server like "session_ended".
 *
 * @typedef {object} Auth
 * @property {typeof globalThis.fetch} fetch The browser's, with tokens only for the origin of
 *   `base`. Rejects if they must be refreshed and the server cannot be reached.
 * @property {(credentials: Record<string, string | boolean>) => Promise<Response>} signIn
 * @property {() => Promise<Response>} signOut
 * @property {() => Promise<boolean>} refresh Whether the user is signed in. Rejects like `fetch`.
 */

const SAFE = ["GET", "HEAD", "OPTIONS", "TRACE"];
// In milliseconds. The last attempt starts within the server's grace period, 10 seconds.
const PAUSES = [0, 500, 1000];
const TIMEOUT = 4000;
const SETTLING = 100;

const sleep = (/** @type {number} */ time) => new Promise((resolve) => setTimeout(resolve, time));

/** @param {Options} options @returns {Auth} */
export function createAuth(options) {
  const { base, cookies = true, storage = localStorage, onSignedOut = () => {} } = options;
  const { header = "Authorization" } = options;
  const root = new URL(base, globalThis.location?.href);
  const key = `jwtauth ${root}`;
  /** @type {string | undefined} */ let csrfToken;
  /** @type {Promise<boolean> | undefined} */ let refreshing;
  /** @type {Promise<any>} */ let queue = Promise.resolve();
  let told = false;

  const read = () => storage.getItem(key);
  const state = () => JSON.parse(read() ?? "{}");

  /** @param {Response} response */
  async function remember(response) {
    const { expires_in, refresh_expires_in, ...tokens } = await response.clone().json();
    const until = Date.now() + expires_in * 1000;
    storage.setItem(key, JSON.stringify({ ...state(), ...tokens, until }));
    told = false;
  }

  /** @param {string} reason */
  function forget(reason) {
    storage.removeItem(key);
    if (!told) onSignedOut(reason);
    told = true;
  }

  // One at a time in all tabs; over plain http, which has no locks, in this tab.
  /** @template T @param {() => Promise<T>} task @returns {Promise<T>} */
  function locked(task) {
    return globalThis.navigator?.locks?.request(key, task) ?? (queue = queue.then(task, task));
  }

  /** @returns {Promise<string>} */
  async function fetchCSRFToken() {
    const signal = AbortSignal.timeout(TIMEOUT);
    const response = await fetch(new URL("csrf/", root), { credentials: "include", signal });
    return (await response.json()).csrf_token;
  }

  /** @param {Request} request @returns {Promise<Response>} */
  async function send(request, again = true) {
    const headers = new Headers(request.headers);
    const { token_type, access } = state();
    if (access) headers.set(header, `${token_type} ${access}`);
    const guarded = cookies && !SAFE.includes(request.method);
    if (guarded) headers.set("X-CSRFToken", (csrfToken ??= await fetchCSRFToken()));
    const credentials = cookies ? "include" : request.credentials;
    const response = await fetch(new Request(request.clone(), { headers, credentials }));
    if (!guarded || !again || response.status !== 403) return response;
    // The user has signed in, perhaps in another tab, which changes the token.
    csrfToken = undefined;
    const { code } = await response.clone().json().catch(() => ({}));
    return code === "csrf_failed" ? send(request, false) : response;
  }

  /** @param {string} path @param {object} body */
  function post(path, body = {}) {
    const request = new Request(new URL(path, root), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      // The answer's cookies are kept even if the page is left meanwhile.
      keepalive: true,
      signal: AbortSignal.timeout(TIMEOUT),
    });
    return send(request);
  }

  /** @param {string | null} seen */
  async function exchange(seen) {
    // Another request, or another tab, was faster.
    if (read() !== seen) return read() !== null;
    if (!cookies && read() === null) {
      forget("not_signed_in");
      return false;
    }
    /** @type {unknown} */ let failure;
    for (const pause of PAUSES) {
      await sleep(pause);
      try {
        const response = await post("token/refresh/", { refresh: state().refresh });
        if (response.ok) {
          await remember(response);
          // Other tabs see what was stored a moment later, and must see it before their turn.
          await sleep(SETTLING);
          return true;
        }
        const { reason } = await response.json();
        if (response.status === 401) {
          forget(reason ?? "not_signed_in");
          return false;
        }
        failure = new Error(`Cannot refresh: ${response.status} ${reason}`);
        if (response.status < 500) break;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  function refresh(seen = read()) {
    refreshing ??= locked(() => exchange(seen)).finally(() => (refreshing = undefined));
    return refreshing;
  }

  globalThis.addEventListener?.("storage", (event) => {
    if (event.key !== key) return;
    if (event.newValue === null) forget("signed_out");
    else told = false;
  });

  return {
    async fetch(input, init) {
      const request = new Request(input, init);
      if (new URL(request.url).origin !== root.origin) return fetch(request);
      if (Date.now() >= state().until) await refresh();
      const seen = read();
      const response = await send(request);
      if (response.status !== 401 || !(await refresh(seen))) return response;
      return send(request);
    },

    signIn: (credentials) =>
      locked(async () => {
        const response = await post("token/", credentials);
        if (response.ok) await remember(response);
        return response;
      }),

    signOut: () =>
      locked(async () => {
        const response = await post("token/blacklist/", { refresh: state().refresh });
        if ([200, 400, 401].includes(response.status)) forget("signed_out");
        return response;
      }),

    refresh: () => refresh(),
  };
}
