import stringWidth from "string-width";
import { formatAddress } from "../../common/address.ts";
import { gib } from "../../common/output/units.ts";
import type { ClusterReport, ServiceReport } from "../cluster/status.ts";
import { TOKEN_WAY_OUT, wantsToken } from "./failure-texts.ts";
import { oneLine } from "./terminal.ts";

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

const MEMBER_COLUMNS: readonly Column[] = [["NIC", ({ member }) => member?.interface]];

const newsIn = ({ member, news }: ServiceReport) => member ?? news;
const NEWS_COLUMNS: readonly Column[] = [
  ["RESTARTS", (service) => newsIn(service)?.restarts],
  [
    "HEARD",
    (service) => {
      const { heardAgoS } = newsIn(service) ?? {};
      return heardAgoS === undefined ? undefined : `${Math.round(heardAgoS)}s ago`;
    },
  ],
  ["WHY", (service) => newsIn(service)?.why],
];

const AGE = { true: "same ", false: "new ", undefined: "" };

/** The table of services, and a last line about the HEAD. Pure. */
export function renderPs(report: ClusterReport): string {
  const { runtime, services, head } = report;
  const engine = runtime === "docker" ? ENGINE_COLUMNS : [];
  const columns = [
    ...COLUMNS,
    ...(services.some(({ member }) => member) ? MEMBER_COLUMNS : engine),
    ...(services.some(newsIn) ? NEWS_COLUMNS : []),
  ];
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
