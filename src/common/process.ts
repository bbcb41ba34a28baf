const STOPPING = ["SIGTERM", "SIGINT", "SIGQUIT"] as const;

/**
 * Signals that say nothing to this program. Node would die of most, stop on the terminal ones, and open its inspector on USR1
 * (docs/faults.md 3.2, 3.3). ILL, BUS, FPE and SEGV are left alone: with a handler a real fault would repeat for ever.
 */
const IGNORED =
  "HUP TRAP ABRT USR1 USR2 PIPE ALRM STKFLT TSTP TTIN TTOU XCPU XFSZ VTALRM PROF IO PWR SYS".split(" ");

/** Calls `onStop` with each signal that asks to stop, and takes the sting out of the others. To be called once, by main. */
export function handleSignals(onStop: (signal: (typeof STOPPING)[number]) => void): void {
  for (const signal of STOPPING) process.on(signal, onStop);
  for (const signal of IGNORED) process.on(`SIG${signal}`, () => {});
}

/** What may block a thread of this process for ever: a call to a hanging disk, a lookup at a silent name service. */
const HELD = ["FSReqPromise", "GetAddrInfoReqWrap"];

/**
 * Ends this process at once. On exit Node waits for its threads (Node 20 and 24), so with a blocked one it replaces itself by
 * another program; PID 1 cannot kill itself.
 */
export function leave(process: NodeJS.Process, code: number): never {
  if (process.getActiveResourcesInfo().some((resource) => HELD.includes(resource))) {
    process.execve?.(process.execPath, [process.execPath, "-e", `process.exit(${code})`], {});
    process.kill(process.pid, "SIGKILL");
  }
  process.exit(code);
}
