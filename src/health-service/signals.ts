const STOPPING = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;

/**
 * Signals that say nothing to this program. Node dies of them without a handler when a small init is PID 1, stops on
 * the terminal ones, and opens its inspector on USR1 (measured on Node 24).
 */
const IGNORED = [
  "SIGHUP",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGVTALRM",
  "SIGIO",
  "SIGPWR",
  "SIGPIPE",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
] as const;

/** Resolves with the first signal that asks to stop; no other one does anything. To be called once, by main. */
export function stopSignal(): Promise<NodeJS.Signals> {
  for (const signal of IGNORED) process.on(signal, () => {});
  return new Promise((resolve) => {
    for (const signal of STOPPING) process.on(signal, resolve);
  });
}
