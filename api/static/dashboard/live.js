/** The one live connection of the page: it follows what the page shows, and comes back by itself. */

import { Trouble, send } from "./api.js";
import { events } from "./sse.js";

/** The server says something every 15 seconds: after this time without a word the connection is dead. */
const SILENCE_MS = 40_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/**
 * @typedef {Object} State
 * @property {"connecting"|"live"|"lost"} name
 * @property {number} [since] of "lost": when the connection was lost, in milliseconds since 1970
 * @property {number} [retryAt] of "lost": when it is tried again
 * @property {string} [reason] of "lost"
 */

/** Follows one question at a time. Events: `state` (detail: State), `refused` (detail: Trouble about the token). */
export class Live extends EventTarget {
  /** @type {State} */
  state = { name: "connecting" };
  #following = new AbortController();
  #wakeUp = () => {};

  constructor() {
    super();
    addEventListener("online", () => this.retryNow());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.retryNow());
  }

  /**
   * Follow another question instead of the one before.
   * @param {string} query of GET live, such as "view=overview"
   * @param {(state: any) => void} onState gets the whole state each time that it changed
   */
  follow(query, onState) {
    this.stop();
    this.#following = new AbortController();
    this.#run(query, onState, this.#following.signal);
  }

  /** Follow nothing. */
  stop() {
    this.#following.abort();
    this.#wakeUp();
  }

  /** Don't wait for the next attempt. */
  retryNow() {
    if (this.state.name === "lost") this.#wakeUp();
  }

  async #run(query, onState, signal) {
    const seen = { id: null };
    let pause = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      try {
        await this.#read(query, onState, seen, signal);
        // The server ends each stream some time: that alone is no reason to worry anybody.
        pause = FIRST_PAUSE_MS;
        await this.#sleep(pause, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error.wantsToken) {
          this.dispatchEvent(new CustomEvent("refused", { detail: error }));
          return;
        }
        pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
        await this.#lose(error, Math.max(pause * (0.75 + Math.random() / 2), error.retrySeconds * 1000), signal);
      }
    }
  }

  async #read(query, onState, seen, signal) {
    const silence = watchdog(SILENCE_MS, signal);
    try {
      const headers = { Accept: "text/event-stream", ...(seen.id ? { "Last-Event-ID": seen.id } : {}) };
      const answer = await send(`live?${query}`, { signal: silence.signal, headers });
      for await (const event of events(answer.body)) {
        silence.reset();
        if (signal.aborted) return;
        if (this.state.name !== "live") this.#become({ name: "live" });
        if (event) {
          seen.id = event.id;
          onState(JSON.parse(event.data));
        }
      }
    } catch (error) {
      if (error instanceof Trouble) throw error;
      throw new Trouble(silence.signal.aborted ? "The server fell silent." : "The connection broke.");
    } finally {
      silence.stop();
    }
  }

  async #lose(trouble, pauseMs, signal) {
    const since = this.state.since ?? Date.now();
    this.#become({ name: "lost", since, retryAt: Date.now() + pauseMs, reason: trouble.message });
    await this.#sleep(pauseMs, signal);
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }

  #sleep(milliseconds, signal) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
      if (signal.aborted) this.#wakeUp();
    });
  }
}

/** A signal that is aborted with another one, or when `reset` was not called for so long. */
function watchdog(milliseconds, signal) {
  const controller = new AbortController();
  let timer;
  const stop = () => clearTimeout(timer);
  const reset = () => {
    stop();
    timer = setTimeout(() => controller.abort(), milliseconds);
  };
  signal.addEventListener("abort", () => controller.abort(), { once: true });
  if (signal.aborted) controller.abort();
  reset();
  return { signal: controller.signal, reset, stop };
}
