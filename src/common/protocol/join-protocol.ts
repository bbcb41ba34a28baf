import * as z from "zod/mini";
import { Name, Peer, Port, Text, Word } from "./from-outside.ts";
import { ReachAnswer, ReachRequest } from "./reach-protocol.ts";
import { ClusterNews } from "./report-protocol.ts";

/*
 * How a machine becomes a member of a cluster of several machines, and what members may do. All of it travels over TLS, whose
 * certificate the cluster's own CA signed; the join token pins that CA. A member presents `Bearer NAME:CREDENTIAL`, which is worth
 * something for that name alone; the cluster's own machine presents the admin's credential, which lies beside the CA's key.
 */

/** In RAY_EP_CLUSTER_DIR: the CA's certificate (PEM), and the admin's credential, presented as `Bearer CREDENTIAL`. */
export const CA_FILE = "ca.crt";
export const ADMIN_FILE = "admin-token";
/** Beside them: the carrier image, as `docker save` writes it. */
export const CARRIER_FILE = "carrier.tar";
/**
 * What this machine's node keeps of its membership: by it, its health service copies the cluster from the service that decides.
 * Where it lies there before that service starts for the first time, no cluster is made.
 */
export const MEMBERSHIP_FILE = "membership.json";

/** Every port that a node of the cluster listens on, the same on each machine. Ray Client's own servers take 23000 to 23999. */
export const PortBlock = z.object({
  /** Of a HEAD alone. */
  gcs: Port,
  client: Port,
  dashboard: Port,
  nodeManager: Port,
  objectManager: Port,
  /** `--dashboard-agent-listen-port`, `--dashboard-agent-grpc-port`, `--runtime-env-agent-port`, `--metrics-export-port`. */
  agentHttp: Port,
  agentGrpc: Port,
  runtimeEnvAgent: Port,
  metrics: Port,
  workers: z.tuple([Port, Port]),
});
export type PortBlock = z.infer<typeof PortBlock>;

/** Outside Linux's ephemeral range, 32768 to 60999. */
export const DEFAULT_PORTS: PortBlock = {
  ...{ gcs: 6379, client: 10001, dashboard: 8265, nodeManager: 20000, objectManager: 20001 },
  ...{ agentHttp: 20002, agentGrpc: 20003, runtimeEnvAgent: 20004, metrics: 20005, workers: [20100, 20999] },
};

/** Body of `POST /v1/join`, the one write that needs no credential. */
export const JoinRequest = z.object({
  /** Of the join token. */
  secret: Word,
  /** The member's name: its hostname. */
  node: Peer,
  /** What it advertises to Ray, and where the service dials it back. */
  address: Peer,
  /** It may become HEAD. */
  candidate: z.boolean(),
  /** The installed Ray, and Python's major and minor version. */
  ray: Word,
  python: Word,
});
export type JoinRequest = z.infer<typeof JoinRequest>;

/** 200 of `POST /v1/join`: all that a member keeps, beside the CA's certificate. */
export const Joined = z.object({
  ...ClusterNews.shape,
  cluster: z.object({ name: Name, id: Word }),
  member: Name,
  credential: Word,
  candidate: z.boolean(),
  rayToken: Word,
  /** Ray speaks TLS in this cluster: the member asks for a certificate before its Ray starts. */
  rayTls: z.optional(z.boolean()),
  ports: PortBlock,
  ray: Word,
  python: Word,
});
export type Joined = z.infer<typeof Joined>;

const JOIN_REFUSALS = [
  "unknown-token",
  "expired",
  "revoked",
  "used",
  /** The token may only take another name (`replace`). */
  "other-name",
  "name-taken",
  /** There are as many members, or candidates, as a cluster has. */
  "full",
  "other-ray",
  "other-python",
] as const;

/** 403 of `POST /v1/join`. */
export const JoinRefused = z.object({ reason: z.enum(JOIN_REFUSALS), message: Text });
export type JoinRefused = z.infer<typeof JoinRefused>;

/** 403 of every request of a member that was removed. */
export const MemberRemoved = z.object({ reason: z.literal("removed"), message: Text });

/** Body of `POST /v1/base` (a member): the Ray image that its node's is made from, and SHA-256 of that image's layers (hex). */
export const BaseImage = z.object({ image: Word, layers: z.string().check(z.regex(/^[0-9a-f]{64}$/)) });
export type BaseImage = z.infer<typeof BaseImage>;

/** 200 of `POST /v1/base`: the same of the member that joined first; null where that has not told. */
export const FirstBase = z.object({ first: z.nullable(z.object({ member: Name, ...BaseImage.shape })) });
export type FirstBase = z.infer<typeof FirstBase>;

const Pem = z.string().check(z.maxLength(4096));

/** Body of `POST /v1/ray-certificate` (a member): the public key that its Ray shall have, and what it advertises to Ray. */
export const RayCertificateRequest = z.object({ key: Pem, address: Peer });
export type RayCertificateRequest = z.infer<typeof RayCertificateRequest>;

/** 200 of `POST /v1/ray-certificate`: PEM each. `ca`: who signs for the Ray of all members, and for nothing else. */
export const RayCertificate = z.object({ cert: Pem, ca: Pem });
export type RayCertificate = z.infer<typeof RayCertificate>;

/**
 * 200 of `GET /v1/ray-token` (any member): the one that counts now; where Ray speaks TLS who signs for it since then, and who signs for
 * health services (PEM each).
 */
export const RayToken = z.object({
  ...z.pick(Joined, { rayToken: true, rayTokenId: true }).shape,
  rayCa: z.optional(Pem),
  ca: z.optional(Pem),
});

/**
 * Body of `POST /v1/dial-back` (a member): the service connects to each port at the member's address and expects to read `nonce`
 * there. `address`: of a member whose machine may have another one since.
 */
export const DialBackRequest = z.object({
  address: z.optional(Peer),
  nonce: ReachRequest.shape.nonce,
  ports: z.array(Port).check(z.minLength(1), z.maxLength(4)),
});
export type DialBackRequest = z.infer<typeof DialBackRequest>;

/** 200 of `POST /v1/dial-back`: what was met at each port, in the order of the request. */
export const DialBackAnswer = z.object({ answers: z.array(ReachAnswer) });
export type DialBackAnswer = z.infer<typeof DialBackAnswer>;
