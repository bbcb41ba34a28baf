import * as z from "zod";
import { err, ok, type Result } from "../../common/result.ts";
import { CONNECT } from "../runtimes/ray-connect.ts";

/** One thing that two nodes did together: `from` began it, `to` answered. */
const PairResult = z.object({
  kind: z.enum(["task", "actor", "object", "server"]),
  from: z.string(),
  to: z.string(),
  ok: z.boolean(),
  saw: z.string(),
  ms: z.number(),
});
export type PairResult = z.infer<typeof PairResult>;

const PairsReport = z.object({ error: z.string().nullable(), pairs: z.array(PairResult) });
export type PairsReport = z.infer<typeof PairsReport>;

const MARK = "WS-PAIRS-REPORT ";

/** The report among whatever else Python and Ray printed. */
export function readPairsReport(output: string): Result<PairsReport, string> {
  const line = output.split("\n").findLast((each) => each.startsWith(MARK));
  if (line === undefined)
    return err(`the program for pairs of nodes gave no report: ${output.trim().slice(-300)}`);
  const report = PairsReport.safeParse(JSON.parse(line.slice(MARK.length)));
  return report.success ? ok(report.data) : err(`its report is wrong: ${report.error.message}`);
}

/** The command for a Python that has Ray, in the test client's place. */
export function pairsProbeCommand(host: string, clientPort: number): string[] {
  return ["python", "-c", PROGRAM, `ray://${host}:${clientPort}`];
}

/**
 * On each living node an actor; for each ordered pair of nodes a task that one submits to the other, a call from one
 * actor to the other, an object of 32 MB that one makes and the other reads, and a TCP server that a task of one opens
 * on its own address and a task of the other calls.
 */
const PROGRAM = `
import json, os, socket, sys, time, zlib

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as OnNode

${CONNECT}
SIZE, PATIENCE = 32 * 2**20, 60
report = {"error": None, "pairs": []}

@ray.remote(num_cpus=0.1, max_retries=0)
def where():
    return ray.util.get_node_ip_address()

@ray.remote(num_cpus=0.1, max_retries=0)
def serve(mailbox):
    with socket.create_server((ray.util.get_node_ip_address(), 0)) as server:
        ray.get(mailbox.put.remote(server.getsockname()[1]))
        server.settimeout(PATIENCE)
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"hello")

@ray.remote(num_cpus=0.1, max_retries=0)
def dial(host, port):
    with socket.create_connection((host, port), timeout=10) as connection:
        return connection.recv(16).decode(), socket.gethostname()

@ray.remote(num_cpus=0.1)
class Peer:
    def where(self):
        return ray.util.get_node_ip_address()
    def submit(self, node_id):
        return ray.get(where.options(scheduling_strategy=OnNode(node_id, soft=False)).remote(), timeout=PATIENCE)
    def call(self, peer):
        return ray.get(peer.where.remote(), timeout=PATIENCE)
    def make(self):
        data = os.urandom(SIZE)
        self.sum = zlib.crc32(data)
        return data
    def made(self):
        return self.sum
    def read(self, data):
        return len(data), zlib.crc32(data)
    def put(self, letter):
        self.letter = letter
    def take(self):
        letter, self.letter = getattr(self, "letter", None), None
        return letter

def attempt(kind, a, b, work):
    began = time.monotonic()
    try:
        ok, saw = work()
    except Exception as error:
        ok, saw = False, f"{type(error).__name__}: {error}".splitlines()[0][:200]
    report["pairs"].append({"kind": kind, "from": a, "to": b, "ok": ok, "saw": saw, "ms": (time.monotonic() - began) * 1000})

def served(on_a, on_b, peer_b, address_b):
    serving = serve.options(scheduling_strategy=on_b).remote(peer_b)
    until, port = time.monotonic() + PATIENCE, None
    while port is None and time.monotonic() < until:
        port = ray.get(peer_b.take.remote(), timeout=PATIENCE)
    said, at = ray.get(dial.options(scheduling_strategy=on_a).remote(address_b, port), timeout=PATIENCE)
    ray.get(serving, timeout=PATIENCE)
    return said == "hello", f"{address_b}:{port} answered a task on {at}"

try:
    connect(sys.argv[1], "error")
    nodes = {node["NodeName"]: node["NodeID"] for node in ray.nodes() if node["Alive"]}
    on = {name: OnNode(node_id, soft=False) for name, node_id in nodes.items()}
    peers = {name: Peer.options(scheduling_strategy=on[name]).remote() for name in nodes}
    homes = dict(zip(peers, ray.get([peer.where.remote() for peer in peers.values()], timeout=2 * PATIENCE)))
    objects = {name: peer.make.remote() for name, peer in peers.items()}
    sums = dict(zip(peers, ray.get([peer.made.remote() for peer in peers.values()], timeout=PATIENCE)))
    for a in nodes:
        for b in nodes:
            if a == b:
                continue
            def task():
                ran = ray.get(peers[a].submit.remote(nodes[b]), timeout=PATIENCE)
                return ran == homes[b], f"it ran at {ran}"
            def actor():
                said = ray.get(peers[a].call.remote(peers[b]), timeout=PATIENCE)
                return said == homes[b], f"{said} answered"
            def move():
                size, crc = ray.get(peers[b].read.remote(objects[a]), timeout=PATIENCE)
                return (size, crc) == (SIZE, sums[a]), f"{size} bytes, checksum {'right' if crc == sums[a] else 'wrong'}"
            attempt("task", a, b, task)
            attempt("actor", a, b, actor)
            attempt("object", a, b, move)
            attempt("server", a, b, lambda: served(on[a], on[b], peers[b], homes[b]))
    ray.shutdown()
except Exception as error:
    report["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
print("${MARK}" + json.dumps(report))
`;
