import type { Command } from "commander";
import stringWidth from "string-width";
import { formatAddress } from "../../common/address.ts";
import { gib } from "../../common/output/units.ts";
import { UNKNOWN } from "../cluster/members.ts";
import { type ClusterReport, reportCluster, type ServiceReport } from "../cluster/status.ts";
import type { WsContext } from "../context.ts";
import type { Opened } from "../drivers/choose.ts";
import type { Driver } from "../drivers/driver.ts";
import { EXIT } from "../failure.ts";
import { readStanding } from "../machine/service.ts";
import { TOKEN_WAY_OUT, wantsToken } from "../output/failure-texts.ts";
import { oneLine, printJson, printLines } from "../output/terminal.ts";
import { JSON_OPTION, type JsonOption, onCluster, type Run } from "./command.ts";
import { costOf } from "./members/promote.ts";

export const addPs = (program: Command, run: Run) =>
  program
    .command("ps")
    .description("show the nodes as Ray sees them; exit 1 while one is missing")
    .option(...JSON_OPTION)
    .action(run(onCluster(ps)));

async function ps({ driver, other }: Opened, context: WsContext, options: JsonOption) {
  const [answer, second] = await Promise.all([reportCluster(driver.until(context.signal)), other()]);
  if (!answer.ok) return answer.error;
  const report = answer.value;
  const { out, err } = context.terminal;
  if (options.json) printJson(out, report);
  else out(`${renderPs(report)}\n`);
  if (second !== undefined)
    context.terminal.err(`→ A cluster of the ${second} runtime runs as well: ./ws --runtime ${second} ps\n`);
  if (report.silent !== undefined && report.removed === undefined)
    printLines(err, await renderSilent(driver, report.silent));
  const well = report.services.every(({ state }) => state === "ALIVE" || state === "up");
  return well ? EXIT.ok : EXIT.notAllWell;
}

/** What it means that the health service is silent, and what the way out costs where that is on this machine. */
async function renderSilent({ settings: { machine }, stateDir }: Driver, why: string): Promise<string[]> {
  if (why === UNKNOWN)
    return [
      "✗ The cluster's health service does not know this machine any more: it lost what it kept, or took over before it had heard of this join",
      "→ Join again: ./ws leave, then ./ws join TOKEN. What runs here runs on until then.",
    ];
  const standing = machine?.advertise === undefined ? undefined : await readStanding(stateDir);
  const cost = standing?.ok ? ` ${costOf(standing.value.copiedAgo)}.` : "";
  return [
    `✗ The cluster's health service does not answer (${why}): until it does nobody joins, and no other node becomes HEAD`,
    `→ If its machine is lost for good: ./ws promote, on a candidate.${cost}`,
  ];
}

type Column = readonly [title: string, cell: (service: ServiceReport) => string | number | null | undefined];
const COLUMNS: readonly Column[] = [
  ["NAME", ({ name }) => name],
  ["ROLE", ({ role }) => role],
  ["ADDRESS", ({ address }) => address],
  ["STATE", ({ state }) => state],
  ["CPUS", ({ cpus }) => cpus],
  ["MEMORY", ({ memoryBytes }) => (memoryBytes === undefined ? undefined : gib(memoryBytes))],
  ["RAY", ({ version }) => version],
  ["UPTIME", ({ uptimeS }) => (uptimeS === undefined ? undefined : duration(uptimeS))],
  ["PID", ({ pid }) => pid],
];
const ENGINE_COLUMNS: readonly Column[] = [
  ["CONTAINER", ({ container }) => container?.name],
  ["DOCKER", ({ container }) => container?.status],
];

const MEMBER_COLUMNS: readonly Column[] = [
  ["NIC", ({ member }) => member?.interface],
  ["RESTARTS", ({ member }) => member?.restarts],
  [
    "HEARD",
    ({ member }) => (member?.heardAgoS === undefined ? undefined : `${Math.round(member.heardAgoS)}s ago`),
  ],
  ["WHY", ({ member }) => member?.why],
];

const AGE = { true: "same ", false: "new ", undefined: "" };

/** The table of services, and a last line about the HEAD. Pure. */
export function renderPs(report: ClusterReport): string {
  const { runtime, services, head } = report;
  const columns = services.some(({ member }) => member)
    ? [...COLUMNS, ...MEMBER_COLUMNS]
    : runtime === "docker"
      ? [...COLUMNS, ...ENGINE_COLUMNS]
      : COLUMNS;
  const filled = columns.map(([title, cell]) => {
    const cells = [title, ...services.map((each) => oneLine(String(cell(each) ?? "–")))];
    // A node that is not ours may have any name.
    const width = Math.max(...cells.map((each) => stringWidth(each)));
    return cells.map((each) => each + " ".repeat(width - stringWidth(each)));
  });
  const rows = ["", ...services].map((_, row) => filled.map((cells) => cells[row]).join("  "));
  const last = head
    ? [
        `HEAD ${head.node} at ${formatAddress(head.address)}, ${AGE[`${head.sameCluster}`]}cluster ${head.clusterId.slice(0, 12)}, dashboard ${head.dashboardUrl}`,
      ]
    : withoutHead(report);
  const gone =
    report.removed === undefined
      ? []
      : [`✗ This machine was removed from that cluster: ${report.removed} → Clean up: ./ws leave`];
  const more = [...last, ...missing(services), ...gone].map(oneLine);
  return [...rows.map((row) => row.trimEnd()), ...more].join("\n");
}

/** Why no HEAD was found, and what to do. */
function withoutHead({ noHead, services }: ClusterReport): string[] {
  if (noHead?.reason === "wants-token") return [`✗ ${wantsToken(noHead.at)}`, `→ ${TOKEN_WAY_OUT}`];
  if (noHead?.reason === "silent")
    return [
      `✗ The GCS at ${noHead.at} does not answer: it is busy or out of reach. → Try again, or read its log: ./ws logs`,
    ];
  const running = services.filter(({ state }) => state !== "stopped").map(({ name }) => name);
  if (running.length === 0) return ["✗ No GCS answers. → Start the cluster: ./ws up"];
  const way =
    running.length === services.length
      ? "See what they are waiting for: ./ws logs"
      : "Start what is missing: ./ws up";
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

/** `3d 4h`, `2h 5m`, `1m 3s`, `12s`. */
function duration(seconds: number): string {
  const [s, m, h] = [seconds, seconds / 60, seconds / 3600].map(Math.floor) as [number, number, number];
  const parts = [`${Math.floor(h / 24)}d`, `${h % 24}h`, `${m % 60}m`, `${s % 60}s`];
  const first = parts.findIndex((part) => !/^0/.test(part));
  return first < 0 ? "0s" : parts.slice(first, first + 2).join(" ");
}
