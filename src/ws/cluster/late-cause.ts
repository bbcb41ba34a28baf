import { TEST_WORKER_NAME } from "../settings.ts";

type Match = readonly string[];

interface LateCause {
  /** In the entrypoint's words. The last line that it matches counts: what held first may be over. */
  readonly seen: RegExp;
  readonly cause: (match: Match) => string;
}

const CAUSES: readonly LateCause[] = [
  {
    seen: /^✗ Others cannot reach this node at (\S+):/,
    cause: ([, at]) =>
      `the others cannot reach it at ${at}; the line → below that says which mapping is missing`,
  },
  {
    seen: /(\S+) cannot be found: the name does not resolve/,
    cause: ([, at]) =>
      `the name of its HEAD ${at} does not resolve; correct extra_hosts or nodes.head_address`,
  },
  {
    seen: /(\S+) (?:cannot be reached: no route|gives no answer to a connection)/,
    cause: ([, at]) =>
      `its HEAD ${at} is out of reach; check host.ip_address, the addresses in extra_hosts and the firewall`,
  },
  {
    seen: /(\S+) (?:is not a Ray GCS|accepts connections and says nothing)/,
    cause: ([, at]) => `what listens at ${at} is no HEAD; stop it, or set another head_port in config.yaml`,
  },
  {
    seen: /^→ Waiting: for (\S+), which holds the head lease/,
    cause: ([, node]) => `${node} holds the head lease and does not serve; its log says why`,
  },
  {
    seen: /^✗ Health service is down at (\S+)/,
    cause: ([, url]) =>
      `the health service ${url} does not answer, and without it only the first candidate may lead`,
  },
  {
    seen: /(\S+) refuses connections: nothing listens there/,
    cause: ([, at]) => `no HEAD serves at ${at}; look at that node's log first`,
  },
];

/**
 * Why a node that still runs is not ready, from what it said in its present life; undefined where nothing shows it.
 * `causeOf` knows the words of the runtime. Pure.
 */
export function lateCause(
  node: string,
  lines: readonly string[],
  causeOf: (lines: readonly string[]) => string | undefined,
): string | undefined {
  const life = since(lines, /^→ ray-entrypoint \S+ on node/);
  // What it saw of others before it had its role is nothing that it waits for.
  const undecided = since(life, /^Mode: (?:head|worker)$/);
  return (
    causeOf(life) ?? outsider(node, undecided) ?? CAUSES.map((each) => lastOf(undecided, each)).find(Boolean)
  );
}

/** From the last line like this on; all of them where there is none. */
const since = (lines: readonly string[], like: RegExp): readonly string[] =>
  lines.slice(
    Math.max(
      0,
      lines.findLastIndex((line) => like.test(line)),
    ),
  );

function lastOf(lines: readonly string[], { seen, cause }: LateCause): string | undefined {
  const match = lines.map((line) => seen.exec(line)).findLast((each) => each !== null);
  return match ? cause(match) : undefined;
}

/** The test worker is to be outside. */
function outsider(node: string, lines: readonly string[]): string | undefined {
  if (node === TEST_WORKER_NAME) return undefined;
  return lastOf(lines, {
    seen: /not in head whitelist: (\S+) is none of (.+?)(?:;|$)/,
    cause: ([, name, list]) =>
      `its hostname ${name} and nodes.head_whitelist (${list}) differ, so that it waits for a HEAD; make both the same`,
  });
}
