/** Many calls for the same work: done at once, then at most once per interval, and never twice at a time. */

/**
 * @param {() => Promise<void>} work
 * @param {number} intervalMs
 * @returns {() => void} asks for the work to be done; what is asked while it is done is done once, afterwards.
 */
export function coalesced(work, intervalMs) {
  let wanted = false;
  let busy = false;

  async function run() {
    busy = true;
    while (wanted) {
      wanted = false;
      await work();
      await new Promise((resolve) => setTimeout(resolve, intervalMs));
    }
    busy = false;
  }

  return () => {
    wanted = true;
    if (!busy) run();
  };
}
