import type { MemberReport } from "../../cluster/members.ts";
import { newestNamed } from "../../cluster/snapshot.ts";
import { allOf, type Check, check, fails, given, verdict } from "../check.ts";
import { type Tried, taskOn } from "../probe.ts";
import { judgePairs } from "./networks.ts";

/** Every node on which the probe ran. */
const onAll = (_: unknown, tried: readonly Tried[]): string[] => [
  ...new Set(tried.flatMap(({ kind, from, to }) => (kind === "task" && from === "client" ? [to] : []))),
];

const OBJECT_MB = 33.554432;

/** A whole read: what it took beside the transfer is some milliseconds. The reader's network card carried it. */
const speedTo =
  (members: readonly MemberReport[]) =>
  ({ ok, saw, ms, to }: Tried): string => {
    const card = members.find(({ name }) => name === to)?.interface;
    const by = card === undefined ? "" : ` by ${card}`;
    return ok ? `${Math.round(OBJECT_MB / (ms / 1000))} MB/s${by}` : `${saw} (${Math.round(ms)} ms)`;
  };

const heardWhen = (agoS: number | undefined): string =>
  agoS === undefined ? "not heard since its health service started," : `heard ${Math.round(agoS)} s ago`;

/** What `ws test` judges of a cluster of several machines, from any of them. */
export const MEMBER_CHECKS: readonly Check[] = [
  check("cluster/members", "Every member is ALIVE, at the address and network card that it has", (context) =>
    given(context.cluster(), ({ nodes }) =>
      given(context.members(), (members) =>
        allOf(
          members.map(({ name, address, interface: card, heardAgoS }) => {
            const node = newestNamed(nodes, name);
            const at = `${address}${card === undefined ? "" : ` (${card})`}`;
            if (node?.alive !== true)
              return verdict(false, `${name}: not ALIVE, ${heardWhen(heardAgoS)} at ${at}`);
            return verdict(
              node.address === address,
              `${name} at ${node.address === address ? at : node.address}`,
            );
          }),
        ),
      ),
    ),
  ),
  check("cluster/gpus", "Ray counts the GPUs of each machine", (context) =>
    given(context.cluster(), ({ nodes }) =>
      allOf(
        nodes
          .filter(({ alive }) => alive)
          .map(({ name, resources }) => verdict(true, `${name}: ${resources.GPU ?? 0}`)),
      ),
    ),
  ),
  check("cluster/tasks", "A task runs on each node", (context) =>
    given(context.probe(), (tried) => {
      const names = onAll(context, tried);
      const connect = tried.find(({ kind }) => kind === "connect");
      if (names.length === 0) return fails(`Ray Client does not connect: ${connect?.saw}`);
      const tasks = names.map((name) => ({ name, ...taskOn(name, tried) }));
      return allOf(tasks.map(({ name, ok, saw }) => verdict(ok === true, `${name}: ${saw}`)));
    }),
  ),
  check("pairs/tasks", "Each node runs a task for each other node", judgePairs("task", onAll)),
  check("pairs/actors", "An actor on each node calls one on each other node", judgePairs("actor", onAll)),
  check("pairs/objects", "Objects of 32 MB move from each node to each other node", (context) =>
    given(context.members(), (members) => judgePairs("object", onAll, speedTo(members))(context)),
  ),
  check(
    "pairs/servers",
    "A task's TCP server on its node's address is reached by a task on each other node",
    judgePairs("server", onAll),
  ),
];
