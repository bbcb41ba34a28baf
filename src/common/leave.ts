/** What may hold one of this process's threads for ever: a call to a disk that hangs, a name service that is silent. */
const HELD = ["FSReqPromise", "GetAddrInfoReqWrap"];

/**
 * Ends this process at once. At its exit Node waits for its threads (measured on Node 20 and 24). Another program in the
 * place of this one waits for none; PID 1 cannot even kill itself.
 */
export function leave(process: NodeJS.Process, code: number): never {
  if (process.getActiveResourcesInfo().some((resource) => HELD.includes(resource))) {
    process.execve?.(process.execPath, [process.execPath, "-e", `process.exit(${code})`], {});
    process.kill(process.pid, "SIGKILL");
  }
  process.exit(code);
}
