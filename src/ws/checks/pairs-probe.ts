import * as z from "zod";
import { err, ok, type Result } from "../../common/result.ts";
import { CONNECT } from "./ray-connect.ts";

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
/** One result, as soon as there is one: what comes after it cannot take it away. */
const PAIR_MARK = "WS-PAIR ";

/** The report among whatever else Python and Ray printed. A program that was cut short reported the pairs before that. */
export function readPairsReport(output: string): Result<PairsReport, string> {
  const lines = output.split("\n");
  const pairs = lines.flatMap((line) => (line.startsWith(PAIR_MARK) ? [parseLine(line, PAIR_MARK)] : []));
  const line = lines.findLast((each) => each.startsWith(MARK));
  if (line === undefined && pairs.length === 0)
    return err(`the program for pairs of nodes gave no report: ${output.trim().slice(-300)}`);
  const whole = line === undefined ? { error: null } : parseLine(line, MARK);
  const report = PairsReport.safeParse({ ...Object(whole), pairs });
  return report.success ? ok(report.data) : err(`its report is wrong: ${report.error.message}`);
}

const parseLine = (line: string, mark: string): unknown => JSON.parse(line.slice(mark.length));

/** The command for a Python that has Ray, in the test client's place. */
export function pairsProbeCommand(host: string, clientPort: number): string[] {
  return ["python", "-c", PROGRAM, `ray://${host}:${clientPort}`];
}

/**
 * On each living node an actor; for each ordered pair of nodes a task that one submits to the other, a call from one
 * actor to the other, an object of 32 MB that one makes and the other reads, and a TCP server that a task of one opens
 * on its own address and a task of the other calls. It ends within BUDGET, before it would be killed; a node that does not
 * answer costs its own pairs only.
 */
const PROGRAM = `
import json, os, socket, sys, time, zlib

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as OnNode

${CONNECT}
SIZE, PATIENCE, BUDGET = 32 * 2**20, 30, 95
began_all = time.monotonic()
report, silent = {"error": None, "pairs": []}, {}

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

def left():
    return BUDGET - (time.monotonic() - began_all)

def patience():
    return max(0.1, min(PATIENCE, left()))

def attempt(kind, a, b, work):
    began = time.monotonic()
    try:
        broken = next((name for name in (a, b) if name in silent), None)
        if left() <= 0:
            ok, saw = False, f"not tried: the others took all of {BUDGET} s"
        elif broken is not None:
            ok, saw = False, f"{broken}: {silent[broken]}"
        else:
            ok, saw = work()
    except Exception as error:
        ok, saw = False, words(error)
    pair = {"kind": kind, "from": a, "to": b, "ok": ok, "saw": saw, "ms": (time.monotonic() - began) * 1000}
    print("${PAIR_MARK}" + json.dumps(pair), flush=True)

def words(error):
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]

def each(asked):
    answers = {}
    for name, answer in asked.items():
        if name in silent:
            continue
        try:
            answers[name] = ray.get(answer, timeout=max(0.1, min(45, left())))
        except Exception as error:
            silent.setdefault(name, words(error))
    return answers

def served(on_a, on_b, peer_b, address_b):
    serving = serve.options(scheduling_strategy=on_b).remote(peer_b)
    until, port = time.monotonic() + patience(), None
    while port is None and time.monotonic() < until:
        port = ray.get(peer_b.take.remote(), timeout=patience())
    said, at = ray.get(dial.options(scheduling_strategy=on_a).remote(address_b, port), timeout=patience())
    ray.get(serving, timeout=patience())
    return said == "hello", f"{address_b}:{port} answered a task on {at}"

try:
    connect(sys.argv[1], "error")
    nodes = {node["NodeName"]: node["NodeID"] for node in ray.nodes() if node["Alive"]}
    on = {name: OnNode(node_id, soft=False) for name, node_id in nodes.items()}
    peers = {name: Peer.options(scheduling_strategy=on[name]).remote() for name in nodes}
    homes = each({name: peer.where.remote() for name, peer in peers.items()})
    objects = {name: peer.make.remote() for name, peer in peers.items()}
    sums = each({name: peer.made.remote() for name, peer in peers.items()})
    for a in nodes:
        for b in nodes:
            if a == b:
                continue
            def task():
                ran = ray.get(peers[a].submit.remote(nodes[b]), timeout=patience())
                return ran == homes[b], f"it ran at {ran}"
            def actor():
                said = ray.get(peers[a].call.remote(peers[b]), timeout=patience())
                return said == homes[b], f"{said} answered"
            def move():
                size, crc = ray.get(peers[b].read.remote(objects[a]), timeout=patience())
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
