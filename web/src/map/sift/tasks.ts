/** Long work in short slices: whatever the number of rows, the page goes on drawing and hearing. */

const SLICE = 8; // milliseconds between two looks at the clock of the page
const STEP = 512; // items between two looks at ours

/** Lets the page draw and hear. A timer would do, but browsers hold back one that follows many. */
export const breathe = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });

/** Calls `work` for [0, count) part by part, in order. Throws if it is called off. */
export async function sliced(
  count: number, signal: AbortSignal, work: (from: number, to: number) => void, progress?: (share: number) => void,
): Promise<void> {
  for (let from = 0; from < count;) {
    signal.throwIfAborted();
    const until = performance.now() + SLICE;
    while (from < count && performance.now() < until) {
      const to = Math.min(from + STEP, count);
      work(from, to);
      from = to;
    }
    progress?.(from / count);
    if (from < count) await breathe();
  }
  signal.throwIfAborted();
}
