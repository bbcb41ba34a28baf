const STOPPING = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;

/**
 * Signals that say nothing to this program. Node without a handler dies of most of them when a small init is PID 1, stops
 * on the terminal ones, and opens its inspector on USR1 (docs/faults.md 3.2, 3.3). Left alone are KILL and STOP, which nobody can catch,
 * those that do nothing by default, and the four of a broken program (ILL, BUS, FPE, SEGV): a handler would make a real
 * fault repeat for ever, where an end by that signal lets the guard clear Ray and the restart policy begin anew.
 */
const IGNORED = [
  "SIGHUP",
  "SIGTRAP",
  "SIGABRT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGPIPE",
  "SIGALRM",
  "SIGSTKFLT",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGVTALRM",
  "SIGPROF",
  "SIGIO",
  "SIGPWR",
  "SIGSYS",
] as const;

/** Calls `onStop` with each signal that asks to stop, and takes the sting out of the others. To be called once, by main. */
export function handleSignals(onStop: (signal: (typeof STOPPING)[number]) => void): void {
  for (const signal of STOPPING) process.on(signal, onStop);
  for (const signal of IGNORED) process.on(signal, () => {});
}
