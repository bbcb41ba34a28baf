import { type Address, formatAddress } from "../../common/address.ts";
import { DEFAULT_PORTS } from "../../common/protocol/join-protocol.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { reportMembers } from "../cluster/members.ts";
import { type ClusterView, dashboardUrl, gcsOf, healthUrl, nodeAt, statusOf } from "../cluster/snapshot.ts";
import { TEST_CLIENT_NAME } from "../config/settings.ts";
import type { Driver } from "../drivers/driver.ts";
import { askUntil, once } from "./asking.ts";
import { probeCommand, readTried } from "./probe.ts";

/** `ray status` shows what the autoscaler saw last, and that looks each 5 s (Ray 2.40 to 2.60). */
const SETTLES = { forMs: 20_000, everyMs: 500 };

export type CheckContext = ReturnType<typeof checkContext>;

/**
 * How the checks look at the cluster. What the whole cluster is asked is asked once and remembered, so that all checks of a run
 * judge the same facts. The errors are sentences for the `saw` of a check. `head` is what the test worker was told.
 */
export function checkContext(all: Driver, head: Address, signal: AbortSignal) {
  const driver = all.until(signal);
  const { settings, isolated, binDir, token, exec } = driver;
  const services = once(async () => {
    const found = await driver.list();
    return found.ok ? found.value : [];
  });
  const listed = async (name: string) => (await services()).find((each) => each.name === name);
  const snapshot = async () => gcsOf(driver, await services());
  const first = once(snapshot);
  const viewIn = async (taken: ReturnType<typeof snapshot>): Promise<Result<ClusterView, string>> => {
    const { view } = await taken;
    return view === undefined ? err("no GCS of this cluster answers") : ok(view);
  };
  const cluster = () => viewIn(first());
  const headNode = async () => {
    const view = await cluster();
    if (!view.ok) return view;
    const { address } = view.value.head;
    const node = nodeAt(driver, address);
    return node ? ok(node) : err(`the HEAD at ${formatAddress(address)} is no node of config.yaml`);
  };
  const target = driver.inside(head);
  const named = settings.nodes.find(
    ({ name }) => driver.inside({ ...head, host: name }).host === target.host,
  );
  const clientPort = settings.machine
    ? DEFAULT_PORTS.client
    : (named?.clientPort ?? settings.test.targetClientPort);
  return {
    settings,
    isolated,
    binDir,
    token,
    exec,
    memoryOf: (name: string) => driver.expected(name, head).memoryBytes,
    signal,
    healthUrl: healthUrl(driver),
    /** The HEAD's dashboard, as a person at this machine opens it. */
    dashboardUrl: async () => {
      const node = await headNode();
      return node.ok ? ok(dashboardUrl(driver, node.value)) : node;
    },
    /** Those of a cluster of several machines, as its health service knows them. */
    members: once(() => reportMembers(driver)),
    /** Every GCS of this cluster that answers. */
    heads: async () => (await first()).heads,
    /** What the HEAD's GCS lists. */
    cluster,
    /** The same, asked again. */
    look: () => viewIn(snapshot()),
    /** `ray status`, typed on the HEAD's node, once it has caught up with the GCS or had time enough to. */
    rayStatus: once(async () => {
      const node = await headNode();
      if (!node.ok) return node;
      const { name, headPort: port = head.port } = node.value;
      const address = formatAddress(driver.inside({ host: name, port }));
      const view = await cluster();
      const living = view.ok ? view.value.nodes.filter(({ alive }) => alive).length : 0;
      return askUntil(
        (status) => !status.ok || activeNodes(status.value) === living,
        () => exec(name, ["ray", "status", "--address", address]),
        { ...SETTLES, signal },
      );
    }),
    /** What a Ray Client program in the test client's place sees, and what each pair of nodes does together. */
    probe: once(async () => {
      const output = await exec(settings.machine?.name ?? TEST_CLIENT_NAME, probeCommand(target, clientPort));
      return output.ok ? readTried(output.value) : output;
    }),
    /** What a service wrote since it was started last. The last line counts: a node that decided again wrote another. */
    lines: async (name: string) => {
      const service = await listed(name);
      const log = await driver.log((service ?? driver.absent(name)).ref, {
        since: service && new Date(service.startedAtMs),
      });
      return log.map((line) => line.trimEnd());
    },
    /** What a node says of itself. */
    status: async (name: string) => statusOf(driver, name, await listed(name)),
    /** The environment of the Ray that runs in a node, read from the process itself. */
    environment: async (name: string): Promise<Result<Readonly<Record<string, string>>, string>> => {
      const text = await driver.environment(name);
      if (!text.ok) return text;
      const entries = text.value.split("\0").filter(Boolean);
      return ok(Object.fromEntries(entries.map((entry) => entry.split(/=(.*)/s, 2))));
    },
    /** What config.yaml wants the node to be told. */
    told: (name: string) => driver.expected(name, head).environment,
  };
}

/** How many nodes `ray status` lists as active; undefined where its words are not the known ones (Ray 2.40 to 2.60). */
export function activeNodes(rayStatus: string): number | undefined {
  const [, active] = /Active:\n([\s\S]*?)\nPending:/.exec(rayStatus) ?? [];
  const counts = active?.split("\n").map((line) => Number(/^\s*(\d+) \S+/.exec(line)?.[1] ?? 0));
  return counts?.reduce((total, each) => total + each, 0);
}
