import { type Address, formatAddress } from "../../common/address.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { clientProbeCommand, readClientReport } from "../checks/client-probe.ts";
import type { CheckContext } from "../checks/context.ts";
import { pairsProbeCommand, readPairsReport } from "../checks/pairs-probe.ts";
import { settledStatus } from "../checks/ray-status.ts";
import { TEST_CLIENT_NAME } from "../config/settings.ts";
import type { Driver } from "../drivers/driver.ts";
import { type ClusterView, gcsOf, healthUrl, nodeAt, statusOf } from "./snapshot.ts";
import { shownHost } from "./status.ts";

/** How the checks look at the cluster. `head` is what the test worker was told. */
export function testContext(all: Driver, head: Address, signal: AbortSignal): CheckContext {
  const driver = all.until(signal);
  const { settings } = driver;
  const services = once(async () => {
    const found = await driver.list();
    return found.ok ? found.value : [];
  });
  const listed = async (name: string) => (await services()).find((each) => each.name === name);
  const look = async () => gcsOf(driver, await services());
  const snapshot = once(look);
  const viewOf = ({ view }: Awaited<ReturnType<typeof look>>): Result<ClusterView, string> =>
    view === undefined ? err("no GCS of this cluster answers") : ok(view);
  const cluster = async () => viewOf(await snapshot());
  const headNode = async () => {
    const view = await cluster();
    if (!view.ok) return view;
    const { address } = view.value.head;
    const node = nodeAt(driver, address);
    return node ? ok(node) : err(`the HEAD at ${formatAddress(address)} is no node of config.yaml`);
  };
  const target = driver.inside(head);
  const named = settings.nodes.find(
    ({ name, headPort: port }) => driver.inside({ host: name, port }).host === target.host,
  );
  const clientPort = named?.clientPort ?? settings.test.targetClientPort;
  const inClient = <T>(command: readonly string[], read: (output: string) => Result<T, string>) =>
    once(async () => {
      const output = await driver.exec(TEST_CLIENT_NAME, command);
      return output.ok ? read(output.value) : output;
    });
  return {
    runtime: driver.name,
    settings,
    healthUrl: healthUrl(driver),
    binDir: driver.binDir,
    token: driver.token,
    signal,
    freshCluster: async () => viewOf(await look()),
    dashboardUrl: async () => {
      const node = await headNode();
      return node.ok
        ? ok(`http://${shownHost(driver.hostOf(node.value))}:${node.value.dashboardPort}`)
        : node;
    },
    heads: async () => (await snapshot()).heads,
    cluster,
    rayStatus: once(async () => {
      const node = await headNode();
      if (!node.ok) return node;
      const { name, headPort: port } = node.value;
      const address = formatAddress(driver.inside({ host: name, port }));
      const ask = () => driver.exec(name, ["ray", "status", "--address", address]);
      return settledStatus(ask, await cluster(), signal);
    }),
    client: inClient(clientProbeCommand(target.host, target.port, clientPort), readClientReport),
    pairs: inClient(pairsProbeCommand(target.host, clientPort), readPairsReport),
    log: async (name) => {
      const service = await listed(name);
      return driver.log(service?.ref ?? driver.refOf(name), { sinceMs: service?.startedAtMs });
    },
    status: async (name) => statusOf(driver, name, await listed(name)),
    environment: async (service) => {
      const text = await driver.environment(service);
      return text.ok ? ok(parseEnvironment(text.value)) : text;
    },
    expectedEnvironment: (service) => driver.told(service, head),
    expectedMemory: (service) => driver.memoryOf(service),
    run: (service, command) => driver.exec(service, command),
  };
}

/** Asks at most once, also when many ask at the same time. */
function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => {
    answer ??= ask();
    return answer;
  };
}

/** What the kernel shows of a process's environment (proc(5)). */
const parseEnvironment = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/([^=\0]+)=([^\0]*)/g)].map(([, name = "", value = ""]) => [name, value]),
  );
