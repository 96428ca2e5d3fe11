// @ts-check
// The real axios in Node, with tokens in storage: `node axios.mjs <site> <scenario>` prints JSON.
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import axios from "axios";

const [, , site, scenario] = process.argv;

// The package is no npm module, so that Node takes its file for CommonJS.
const file = new URL("../../django_jwtauth/static/django_jwtauth/auth.js", import.meta.url);
const source = encodeURIComponent(await readFile(file, "utf8"));
const { createAuth } = await import(`data:text/javascript,${source}`);

/** @type {Map<string, string>} */
const kept = new Map();
const storage = {
  getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
  setItem: (/** @type {string} */ key, /** @type {string} */ value) => kept.set(key, value),
  removeItem: (/** @type {string} */ key) => kept.delete(key),
};
/** @type {string[]} */
const reasons = [];

/** What a tab has: an instance of each, and the storage that all tabs share. */
function openTab() {
  const auth = createAuth({
    base: `${site}/api/`,
    cookies: false,
    storage,
    onSignedOut: (/** @type {string} */ reason) => reasons.push(reason),
  });
  const api = axios.create({ baseURL: `${site}/api/`, adapter: "fetch", env: { fetch: auth.fetch } });
  return { auth, api };
}

/** Make the server refuse the access token, as when the sign-in's clock has moved on. */
function spoil() {
  for (const [key, value] of kept) kept.set(key, JSON.stringify({ ...JSON.parse(value), access: "x" }));
}

/** @param {Promise<import("axios").AxiosResponse>[]} calls */
async function statuses(...calls) {
  const settled = await Promise.allSettled(calls);
  return settled.map((it) => (it.status === "fulfilled" ? it.value.status : it.reason.response?.status));
}

/** @type {Record<string, (tab: ReturnType<typeof openTab>) => Promise<unknown>>} */
const SCENARIOS = {
  async single({ api }) {
    spoil();
    return statuses(api.get("me/"));
  },

  async parallel({ api }) {
    spoil();
    return statuses(...Array.from({ length: 10 }, () => api.get("me/")));
  },

  async staggered({ api }) {
    spoil();
    const late = (/** @type {number} */ count) => sleep(count * 60).then(() => api.get("me/"));
    return statuses(...Array.from({ length: 6 }, (_, count) => late(count)));
  },

  async tabs(first) {
    const second = openTab();
    spoil();
    return statuses(first.api.get("me/"), second.api.get("me/"));
  },

  async hanging({ api }) {
    spoil();
    const timeout = AbortSignal.timeout;
    AbortSignal.timeout = (milliseconds) => timeout(milliseconds / 20);
    return statuses(api.get("me/"));
  },

  async body({ api }) {
    const { data } = await api.get("me/");
    spoil();
    const answer = await api.patch(`sessions/${data.session_id}/`, { name: "axios" });
    return [answer.status, answer.data.name];
  },

  async expired({ api }) {
    await sleep(2100);
    return statuses(api.get("me/"), api.get("me/"));
  },

  async ended({ auth, api }) {
    await auth.signOut();
    const found = await statuses(api.get("me/"), api.get("me/"));
    return [found, reasons, kept.size];
  },
};

const tab = openTab();
await tab.auth.signIn({ username: "alice", password: "alice-demo" });
console.log(JSON.stringify(await SCENARIOS[scenario](tab)));
