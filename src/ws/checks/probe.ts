import type { Address } from "../../common/address.ts";
import { err, ok, type Result } from "../../common/result.ts";
import { CONNECT } from "./client-program.ts";

type Alone = "ping" | "tcp" | "port" | "connect" | "resources" | "all";
/** What two nodes do. */
export type Together = "task" | "actor" | "object" | "server";

/** One thing that the probe tried: `from` (a node, or "client") began it, `to` answered. `all`: it came to its end. */
export interface Tried {
  readonly kind: Alone | Together;
  readonly from: string;
  readonly to: string;
  readonly ok: boolean;
  /** A sentence, and JSON for `resources`. */
  readonly saw: string;
  readonly ms: number;
}

/** The client's own task on a node: 7 * 7. `saw` is the address that the task saw as its own. */
export const taskOn = (name: string, tried: readonly Tried[]): Tried | undefined =>
  tried.find(({ kind, from, to }) => kind === "task" && from === "client" && to === name);

const MARK = "WS-TRIED ";

/** What was tried, among whatever else Python and Ray printed. A program that was cut short has reported a part. */
export function readTried(output: string): Result<Tried[], string> {
  const lines = output.split("\n").filter((line) => line.startsWith(MARK));
  return lines.length === 0
    ? err(`the probe gave no report: ${output.trim().slice(-300)}`)
    : ok(lines.map((line) => JSON.parse(line.slice(MARK.length))));
}

/** The command for a Python that has Ray, in the test client's place. */
export const probeCommand = ({ host, port }: Address, clientPort: number): string[] => [
  ...["python", "-c", PROGRAM, host],
  ...[port, clientPort].map(String),
];

/**
 * It looks at the HEAD as the test client of docs/specification.md does, and runs a task on each living node. Then for each ordered
 * pair of nodes: a task that one submits to the other, a call from an actor on one to one on the other, an object of 32 MB that one
 * makes and the other reads, and a TCP server that a task of one opens on its own address and a task of the other calls. It ends
 * within BUDGET, before it would be killed; a node that does not answer costs its own pairs only.
 */
const PROGRAM = `
import itertools, json, random, shutil, socket, subprocess, sys, time, zlib
${CONNECT}
host, gcs_port, client_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
SIZE, PATIENCE, BUDGET = 32 * 2**20, 30, 95
end = time.monotonic() + BUDGET

def attempt(kind, a, b, work):
    began = time.monotonic()
    try:
        ok, saw = work()
    except Exception as error:
        ok, saw = False, first_line(error)[:200]
    ms = (time.monotonic() - began) * 1000
    print("${MARK}" + json.dumps({"kind": kind, "from": a, "to": b, "ok": ok, "saw": saw, "ms": ms}), flush=True)
    return ok, saw

def dial(host, port):
    socket.create_connection((host, port), timeout=5).close()
    return True, "a TCP connection came through"

def ping():
    done = subprocess.run(["ping", "-c", "1", "-W", "2", host], capture_output=True, text=True)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return done.returncode == 0, next((line for line in lines if "bytes from" in line), lines[-1] if lines else "")

def get(answer, timeout=PATIENCE):
    return ray.get(answer, timeout=max(0.1, min(timeout, end - time.monotonic())))

def bytes_of(name):
    return random.Random(name).randbytes(SIZE)

def enter():
    global ray
    import ray
    connect(f"ray://{host}:{client_port}", "error")
    return True, ""

def look():
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
    attempt("resources", "client", host, lambda: (True, json.dumps(ray.cluster_resources())))
    on = {
        node["NodeName"]: {"scheduling_strategy": NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)}
        for node in ray.nodes()
        if node["Alive"]
    }

    @ray.remote(num_cpus=0.1, max_retries=0)
    def where():
        return ray.util.get_node_ip_address()

    @ray.remote(num_cpus=1, max_retries=0)
    def square(number):
        return number * number, ray.util.get_node_ip_address()

    def squared(answer):
        value, at = get(answer, 45)
        return value == 49, at if value == 49 else f"7 * 7 is {value} at {at}"

    @ray.remote(num_cpus=0.1, max_retries=0)
    def serve(mailbox):
        with socket.create_server((ray.util.get_node_ip_address(), 0)) as server:
            ray.get(mailbox.put.remote(server.getsockname()[1]))
            server.settimeout(PATIENCE)
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"hello")

    @ray.remote(num_cpus=0.1, max_retries=0)
    def call(host, port):
        with socket.create_connection((host, port), timeout=10) as connection:
            return connection.recv(16).decode(), socket.gethostname()

    # A node of one CPU has to have it for the task that wants a whole one.
    @ray.remote(num_cpus=0)
    class Peer:
        letter = None
        def where(self):
            return ray.util.get_node_ip_address()
        def submit(self, options):
            return ray.get(where.options(**options).remote(), timeout=PATIENCE)
        def call(self, peer):
            return ray.get(peer.where.remote(), timeout=PATIENCE)
        def make(self, name):
            return bytes_of(name)
        def read(self, data):
            return len(data), zlib.crc32(data)
        def put(self, letter):
            self.letter = letter
        def take(self):
            return self.letter

    peers = {name: Peer.options(**on[name]).remote() for name in on}
    objects = {name: peers[name].make.remote(name) for name in on}
    started = [(name, square.options(**on[name]).remote(7)) for name in on]
    seen = {name: attempt("task", "client", name, lambda: squared(answer)) for name, answer in started}
    homes = {name: saw for name, (_, saw) in seen.items()}
    sums = {name: zlib.crc32(bytes_of(name)) for name in on}

    def task(a, b):
        ran = get(peers[a].submit.remote(on[b]))
        return ran == homes[b], f"it ran at {ran}"

    def actor(a, b):
        said = get(peers[a].call.remote(peers[b]))
        return said == homes[b], f"{said} answered"

    def move(a, b):
        size, crc = get(peers[b].read.remote(objects[a]))
        return (size, crc) == (SIZE, sums[a]), f"{size} bytes, checksum {'right' if crc == sums[a] else 'wrong'}"

    def server(a, b):
        get(peers[b].put.remote(None))
        serving = serve.options(**on[b]).remote(peers[b])
        until, port = time.monotonic() + PATIENCE, None
        while port is None and time.monotonic() < min(until, end):
            port = get(peers[b].take.remote())
        said, at = get(call.options(**on[a]).remote(homes[b], port))
        get(serving)
        return said == "hello", f"{homes[b]}:{port} answered a task on {at}"

    def between(a, b, work):
        if time.monotonic() > end:
            return False, f"not tried: the others took all of {BUDGET} s"
        silent = next((name for name in (a, b) if not seen[name][0]), None)
        return work(a, b) if silent is None else (False, f"{silent}: {homes[silent]}")

    for a, b in itertools.permutations(on, 2):
        for kind, work in (("task", task), ("actor", actor), ("object", move), ("server", server)):
            attempt(kind, a, b, lambda: between(a, b, work))
    return True, ""

if shutil.which("ping"):
    attempt("ping", "client", host, ping)
else:
    attempt("tcp", "client", host, lambda: dial(host, gcs_port))
for port in (gcs_port, client_port):
    attempt("port", "client", str(port), lambda: dial(host, port))
if attempt("connect", "client", host, enter)[0]:
    attempt("all", "client", host, look)
    ray.shutdown()
`;
