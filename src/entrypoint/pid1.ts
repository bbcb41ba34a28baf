import { delimiter, join } from "node:path";
import { isExecutable } from "./config/become.ts";

/** Inits that reap orphans and pass signals on to one child alone; what Debian, Alpine and Docker call them. */
const INITS = ["tini", "tini-static", "docker-init", "catatonit", "dumb-init"];
const USUAL = ["/usr/bin", "/bin", "/sbin", "/usr/sbin", "/usr/local/bin", "/usr/libexec/podman"];

export interface Pid1Facts {
  readonly pid: number;
  readonly uid: number;
  /** The words that started this program, the program itself first. */
  readonly argv: readonly string[];
  readonly path: string;
  /** True where this Node can replace itself by another program (22.15, 23.11 and later). */
  readonly canReplace: boolean;
}

/** Finds the init that can stand before this program: as PID 1 Node leaves every orphan a zombie (docs/faults.md 3.1). */
export function planForPid1({ pid, uid, argv, path, canReplace }: Pid1Facts) {
  if (pid !== 1) return { kind: "not-pid-1" } as const;
  // PATH may begin with folders that users other than root can write to, and root runs nothing from there.
  const folders = uid === 0 ? USUAL : [...USUAL, ...path.split(delimiter).filter(Boolean)];
  const init = INITS.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
  if (init === undefined || !canReplace) return { kind: "no-init" } as const;
  // dumb-init alone signals whole groups unless told not to, and Ray's drain needs its GCS (docs/faults.md 1.3).
  const options = init.endsWith("dumb-init") ? ["--single-child", "--"] : ["--"];
  return { kind: "init-found", file: init, args: [...options, ...argv] } as const;
}

/** As PID 1 this program replaces itself by an init, which starts it again as its child. False if it finds none. */
export function standBehindInit(own: NodeJS.Process): boolean {
  const pid1 = planForPid1({
    ...{ pid: own.pid, uid: own.getuid?.() ?? -1, path: own.env.PATH ?? "" },
    argv: [own.execPath, ...own.execArgv, ...own.argv.slice(1)],
    canReplace: typeof own.execve === "function",
  });
  if (pid1.kind === "init-found") own.execve?.(pid1.file, [pid1.file, ...pid1.args]);
  return pid1.kind !== "no-init";
}
