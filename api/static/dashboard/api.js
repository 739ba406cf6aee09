/** Questions to the API, and what went wrong with them in words for people. */

import { learnClock } from "./format.js";
import { token } from "./session.js";

const PREFIX = "api/v1";
const PATIENCE_MS = 12_000;

/** What the API, or the way to it, says instead of an answer. */
export class Trouble extends Error {
  /**
   * @param {string} message for people
   * @param {{status?: number, retrySeconds?: number}} [details] status 0: no answer at all.
   */
  constructor(message, { status = 0, retrySeconds = 0 } = {}) {
    super(message);
    this.status = status;
    this.retrySeconds = retrySeconds;
  }

  /** Whether a (better) token would help. */
  get wantsToken() {
    return this.status === 401 || this.status === 403;
  }
}

/**
 * Ask one question.
 * @param {string} path below /api/v1
 * @param {{signal?: AbortSignal, bearer?: string}} [options] bearer: another token than the one that is kept.
 * @returns {Promise<any>} the whole answer
 * @throws {Trouble}
 */
export async function ask(path, { signal, bearer } = {}) {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const answer = await send(path, { signal: signal ? AbortSignal.any([signal, patience]) : patience, bearer });
  learnClock(answer.headers.get("Date"));
  return answer.json();
}

/**
 * Send a request with the token; the answer is a good one.
 * @throws {Trouble} and AbortError when the caller has given up.
 */
export async function send(path, { signal, bearer = token(), headers = {} } = {}) {
  let answer;
  try {
    const authorization = bearer ? { Authorization: `Bearer ${bearer}` } : {};
    answer = await fetch(`${PREFIX}/${path}`, { signal, headers: { ...headers, ...authorization }, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble("The server does not answer.");
  }
  if (!answer.ok) throw await trouble(answer);
  return answer;
}

async function trouble(answer) {
  const retrySeconds = Number(answer.headers.get("Retry-After")) || 0;
  let problem = {};
  try {
    problem = await answer.json();
  } catch {
    // A proxy may answer in another way: the status says enough.
  }
  return new Trouble(inWords(answer.status, problem), { status: answer.status, retrySeconds });
}

function inWords(status, problem) {
  switch (status) {
    case 401: return "This token is not accepted: it is wrong, or was revoked.";
    case 403: return "This token is good, but may not read: it needs the scope read.";
    case 429: return "Too many questions within a minute.";
    default: return `${problem.title ?? `The server answered ${status}`}.`;
  }
}
