import Table from "cli-table3";
import { formatAddress } from "../../common/address.ts";
import { visible } from "../../common/output/visible.ts";
import { type ClusterReport, reportCluster, type ServiceReport } from "../cluster/status.ts";
import type { GlobalOptions, WsContext } from "../context.ts";
import { open } from "../drivers/choose.ts";
import { EXIT, fail, TOKEN_WAY_OUT, wantsToken } from "../failure.ts";
import { oneLine } from "../output/terminal.ts";

export interface PsOptions extends GlobalOptions {
  readonly json: boolean;
}

/** `ws ps`: the nodes as Ray sees them. Exit 1 while a service that config.yaml wants is not there. */
export async function ps(context: WsContext, options: PsOptions): Promise<number> {
  const opened = await open(context, options, { tool: "engine" });
  if (!opened.ok) return fail(context, opened.error);
  const { driver, other } = opened.value;
  const [answer, second] = await Promise.all([reportCluster(driver.until(context.signal)), other()]);
  if (!answer.ok) return fail(context, answer.error);
  const report = answer.value;
  const json = () => JSON.stringify(report, null, 2).split("\n").map(visible).join("\n");
  context.terminal.out(`${options.json ? json() : renderPs(report)}\n`);
  if (second !== undefined)
    context.terminal.err(`→ A cluster of the ${second} runtime runs as well: ./ws --runtime ${second} ps\n`);
  return report.services.every(({ state }) => state === "ALIVE" || state === "up")
    ? EXIT.ok
    : EXIT.notAllWell;
}

const COLUMNS = ["NAME", "ROLE", "ADDRESS", "STATE", "CPUS", "MEMORY", "RAY", "UPTIME", "PID"];
const ENGINE_COLUMNS = ["CONTAINER", "DOCKER"];
const BARE = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** The table of services, and a last line about the HEAD. Pure. */
export function renderPs(report: ClusterReport): string {
  const { runtime, services, head } = report;
  const table = new Table({
    head: [...COLUMNS, ...(runtime === "docker" ? ENGINE_COLUMNS : [])],
    chars: BARE,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  table.push(...services.map(row));
  const lines = table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
  const last =
    head === undefined
      ? withoutHead(report)
      : [
          `HEAD ${head.node} at ${formatAddress(head.address)}, cluster ${head.clusterId.slice(0, 12)}, dashboard ${head.dashboardUrl}`,
        ];
  return [...lines, ...[...last, ...missing(services)].map(oneLine)].join("\n");
}

/** Why no HEAD was found, and what to do. */
function withoutHead({ noHead, services }: ClusterReport): string[] {
  if (noHead?.reason === "wants-token") return [`✗ ${wantsToken(noHead.at)}`, `→ ${TOKEN_WAY_OUT}`];
  const running = services.filter(({ state }) => state !== "stopped").map(({ name }) => name);
  if (noHead?.reason === "silent")
    return [
      `✗ The GCS at ${noHead.at} does not answer: it is busy or out of reach. → Try again, or read its log: ./ws logs`,
    ];
  if (running.length === 0) return ["✗ No GCS answers. → Start the cluster: ./ws up"];
  const gone = services.filter(({ state }) => state === "stopped").map(({ name }) => name);
  const way =
    gone.length === 0 ? "See what they are waiting for: ./ws logs" : "Start what is missing: ./ws up";
  return [
    `✗ No GCS answers, though ${running.join(", ")} ${running.length === 1 ? "runs" : "run"}. → ${way}`,
  ];
}

const missing = (services: readonly ServiceReport[]): string[] =>
  services
    .filter(({ state }) => state === "missing")
    .map(
      ({ name, container }) =>
        `✗ ${name}: its ${container === undefined ? "process" : "container"} is gone, though the GCS still lists it as ALIVE. → Start what is missing: ./ws up`,
    );

const GIB = 2 ** 30;

function row({
  name,
  role,
  address,
  state,
  cpus,
  memoryBytes,
  version,
  uptimeS,
  pid,
  container,
}: ServiceReport): string[] {
  const memory = memoryBytes === undefined ? undefined : `${(memoryBytes / GIB).toFixed(1)} GiB`;
  const uptime = uptimeS === undefined ? undefined : duration(uptimeS);
  const engine = container === undefined ? [] : [container.name, container.status];
  const cells = [name, role, address, state, cpus, memory, version, uptime, pid, ...engine];
  return cells.map((each) => oneLine(String(each ?? "–")));
}

/** `3d 4h`, `2h 5m`, `1m 3s`, `12s`. */
function duration(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first < 0) return "0s";
  return parts
    .slice(first, first + 2)
    .map(([amount, unit]) => `${amount}${unit}`)
    .join(" ");
}
