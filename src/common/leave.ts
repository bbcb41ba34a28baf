/**
 * Operations that may block a thread of this process for ever: a call to a hanging disk, a lookup at a silent name
 * service.
 */
const HELD = ["FSReqPromise", "GetAddrInfoReqWrap"];

/**
 * Ends this process at once. On exit Node waits for its threads (measured on Node 20 and 24), so a process with a
 * blocked thread replaces itself by another program (execve), which has no such thread. SIGKILL does not help PID 1,
 * which cannot kill itself.
 */
export function leave(process: NodeJS.Process, code: number): never {
  if (process.getActiveResourcesInfo().some((resource) => HELD.includes(resource))) {
    process.execve?.(process.execPath, [process.execPath, "-e", `process.exit(${code})`], {});
    process.kill(process.pid, "SIGKILL");
  }
  process.exit(code);
}
