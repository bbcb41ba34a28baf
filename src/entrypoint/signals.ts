import type { StopRequest } from "./stop-request.ts";

const STOPPING = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;

/**
 * Signals that say nothing to this program. Node without a handler dies of them when a small init is PID 1, stops on
 * the terminal ones, and opens its inspector on USR1 (FAULTS 3). The others that can be caught are Node's own affair.
 */
const IGNORED = [
  "SIGHUP",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGVTALRM",
  "SIGIO",
  "SIGPWR",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGPIPE",
] as const;

/** Routes the stopping signals to `stop` and takes the sting out of the others. To be called once, by main. */
export function handleSignals(stop: StopRequest): void {
  for (const signal of STOPPING) process.on(signal, () => stop.receive(signal));
  for (const signal of IGNORED) process.on(signal, () => {});
}
