import { join, resolve } from "node:path";
import { execa } from "execa";
import { plainRow, type Row } from "./row.ts";

const root = resolve(import.meta.dirname, "..");

/**
 * `ws up` on Docker against the same containers started by hand, each the median of three; nothing where no engine
 * answers. A process of its own measures, since in the lab it has to be in another network namespace.
 */
export async function benchUp(): Promise<Row[]> {
  const engine = await execa("docker", ["info"], { reject: false });
  if (engine.exitCode !== 0) {
    console.error("→ Left out: ws up on Docker, since no engine answers");
    return [];
  }
  const program = [...process.execArgv, new URL("up-process.ts", import.meta.url).pathname];
  const { stdout } = await execa("sh", [join(root, "scripts/in-lab.sh"), process.execPath, ...program], {
    stderr: "inherit",
  });
  const { hand, ws } = JSON.parse(stdout) as { hand: number; ws: number };
  return [
    plainRow(
      "by hand: engine's start of the same three containers, Ray's start of HEAD and WORKER",
      hand,
      "s",
    ),
    {
      name: "ws up on Docker: 2 nodes ALIVE",
      value: ws,
      unit: "s",
      ratio: ws / hand,
      aim: { ratio: "at most", than: 1.2 },
    },
  ];
}
