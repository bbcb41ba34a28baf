import type { Call } from "../../common/net/http.ts";
import { secureCall } from "../../common/net/pinned-tls.ts";
import { MemberRemoved } from "../../common/protocol/join-protocol.ts";
import { type ClusterNews, NodeNoted } from "../../common/protocol/lease-protocol.ts";
import { type HealthClient, healthClient, parse } from "../lease/health-client.ts";
import type { Membership } from "./membership.ts";

/** What a member hears besides its answers. */
export interface Hearing {
  readonly onNews: (news: ClusterNews) => void;
  readonly onRemoved: (message: string) => void;
}

/** The health client of a member: TLS by the cluster's CA, its credential with each request. */
export function openMemberClient(membership: Membership, hearing: Hearing): HealthClient {
  const at = secureCall(membership.ca, `${membership.member}:${membership.credential}`);
  const call: Call = async (method, path, timeoutMs, body) => {
    const answer = await at(membership.services[0] ?? "")(method, path, timeoutMs, body);
    if (answer.ok) hear(answer.value, hearing);
    return answer;
  };
  return healthClient(call);
}

function hear({ status, body }: { status: number; body: string }, { onNews, onRemoved }: Hearing): void {
  const news = status === 200 ? parse(NodeNoted, body)?.news : undefined;
  if (news !== undefined) onNews(news);
  const removed = status === 403 ? parse(MemberRemoved, body) : null;
  if (removed !== null) onRemoved(removed.message);
}
