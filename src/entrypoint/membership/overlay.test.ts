import { expect, test } from "vitest";
import { DEFAULT_PORTS } from "../../common/protocol/join-protocol.ts";
import type { Membership } from "./membership.ts";
import { findContradictions, overlay } from "./overlay.ts";

const MEMBER: Membership = {
  cluster: { name: "lab", id: "c1" },
  member: "gpu02",
  credential: "cr3d",
  candidate: false,
  rayToken: "r4y",
  ports: DEFAULT_PORTS,
  ray: "2.60.0",
  python: "3.12",
  candidates: "gpu01=10.77.0.1:6379",
  services: ["10.77.0.1:8443"],
  ca: "PEM",
  address: "10.77.0.2",
  interface: "data0",
  joinedWith: "hash",
};
const KEYS = { cert: "CERT", key: "KEY", ca: "CA" };
const NO_TLS = [undefined, undefined, undefined, undefined];
const told = (env: Record<string, string>, rayWords: string[] = []) => ({ env, rayWords });

test("a membership as the environment that a node knows", () => {
  const { env, rayWords } = overlay(
    MEMBER,
    "/state/ray-token",
    "/state",
    told({ TZ: "UTC" }, ["--labels=a=b"]),
  );
  expect(env).toMatchObject({
    HEALTH_URL: "https://10.77.0.1:8443",
    RAY_EP_HEALTH_TOKEN: "gpu02:cr3d",
    HEAD_WHITELIST: "gpu01=10.77.0.1:6379",
    NODE_IP_ADDRESS: "10.77.0.2",
    NODE_MANAGER_PORT: "20000",
    MAX_WORKER_PORT: "20999",
    RAY_AUTH_MODE: "token",
    RAY_AUTH_TOKEN_PATH: "/state/ray-token",
    NCCL_SOCKET_IFNAME: "data0",
    GLOO_SOCKET_IFNAME: "data0",
    TZ: "UTC",
  });
  expect(JSON.stringify(env)).not.toContain("r4y");
  expect(rayWords).toEqual([
    "--dashboard-agent-listen-port=20002",
    "--dashboard-agent-grpc-port=20003",
    "--runtime-env-agent-port=20004",
    "--metrics-export-port=20005",
    "--labels=a=b",
  ]);
});

test("the interface of NCCL and Gloo is left to those who name one, and to them where none is known", () => {
  const given = overlay(MEMBER, "", "", told({ NCCL_SOCKET_IFNAME: "ib0" })).env;
  expect([given.NCCL_SOCKET_IFNAME, given.GLOO_SOCKET_IFNAME]).toEqual(["ib0", "data0"]);
  const { interface: _, ...unknown } = MEMBER;
  expect(overlay(unknown, "", "", told({})).env).not.toHaveProperty("NCCL_SOCKET_IFNAME");
});

test.each([
  ["with keys", KEYS, {}, ["1", "/state/ray-tls.crt", "/state/ray-tls.key", "/state/ray-tls-ca.crt"]],
  ["without keys", undefined, {}, NO_TLS],
  ["that says so itself", KEYS, { RAY_USE_TLS: "0" }, ["0", ...NO_TLS.slice(1)]],
])("Ray's TLS of a member %s", (_, rayKeys, given, expected) => {
  const { env } = overlay({ ...MEMBER, rayKeys }, "", "/state", told(given));
  const names = ["RAY_USE_TLS", "RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_CA_CERT"];
  expect(names.map((name) => env[name])).toEqual(expected);
  expect(env.RAY_event_level).toBe(expected[0] === "1" ? "fatal" : undefined);
});

test.each([
  ["nothing", {}, []],
  ["what does not contradict", { NODE_IP_ADDRESS: "10.88.0.2", RAY_AUTH_MODE: "token", HEALTH_URL: " " }, []],
  ["the same name", { RAY_EP_NODE_NAME: "gpu02" }, []],
  ["another name", { RAY_EP_NODE_NAME: "gpu03" }, ["RAY_EP_NODE_NAME"]],
  [
    "another whitelist and no tokens",
    { HEAD_WHITELIST: "a", RAY_AUTH_MODE: "disabled" },
    ["HEAD_WHITELIST", "RAY_AUTH_MODE"],
  ],
  [
    "an explicit HEAD and Ray's token",
    { HEAD_ADDRESS: "a:1", RAY_AUTH_TOKEN: "t" },
    ["HEAD_ADDRESS", "RAY_AUTH_TOKEN"],
  ],
])("beside a membership: %s", (_, env, where) => {
  expect(findContradictions(MEMBER, "", told(env)).map((each) => each.where)).toEqual(where);
});

test("words that set a port of the block, and before it has joined any name, but no setting", () => {
  const words = findContradictions(MEMBER, "", told({}, ["--metrics-export-port", "9000"]));
  expect(words.map(({ where }) => where)).toEqual(["-- --metrics-export-port"]);
  const before = told({ RAY_EP_NODE_NAME: "gpu03", HEALTH_URL: "http://h:8080" });
  expect(findContradictions(null, "", before).map(({ where }) => where)).toEqual(["HEALTH_URL"]);
});
