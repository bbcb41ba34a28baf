import { delimiter, join } from "node:path";
import { isExecutable } from "./config/become.ts";

/** Inits that reap orphans and pass signals on to one child alone; what Debian, Alpine and Docker call them. */
const INITS = ["tini", "tini-static", "docker-init", "catatonit", "dumb-init"];
const USUAL = ["/usr/bin", "/bin", "/sbin", "/usr/sbin", "/usr/local/bin", "/usr/libexec/podman"];

/** What to do about being PID 1, where Node leaves every orphan of the container a zombie (docs/faults.md 3.1). */
export type Pid1 =
  | { readonly kind: "not-pid-1" }
  | { readonly kind: "init-found"; readonly file: string; readonly args: readonly string[] }
  | { readonly kind: "no-init" };

export interface Pid1Facts {
  readonly pid: number;
  readonly uid: number;
  /** The words that started this program, the program itself first. */
  readonly argv: readonly string[];
  readonly path: string;
  /** True where this Node can replace itself by another program (22.15, 23.11 and later). */
  readonly canReplace: boolean;
}

/** Finds the init that can stand before this program. */
export function planForPid1({ pid, uid, argv, path, canReplace }: Pid1Facts): Pid1 {
  if (pid !== 1) return { kind: "not-pid-1" };
  // PATH may begin with folders that users other than root can write to, and root runs nothing from there.
  const folders = uid === 0 ? USUAL : [...USUAL, ...path.split(delimiter).filter(Boolean)];
  const init = INITS.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
  if (init === undefined || !canReplace) return { kind: "no-init" };
  // dumb-init alone signals whole groups unless told not to, and Ray's drain needs its GCS (docs/faults.md 1.3).
  const options = init.endsWith("dumb-init") ? ["--single-child", "--"] : ["--"];
  return { kind: "init-found", file: init, args: [...options, ...argv] };
}
