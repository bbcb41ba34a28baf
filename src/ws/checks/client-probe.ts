import * as z from "zod";
import { err, ok, type Result } from "../../common/result.ts";
import { CONNECT } from "./ray-connect.ts";

/** What the program below reports. Times are milliseconds. */
const ClientReport = z.object({
  /** Not every image has the program; then a TCP connection was tried. */
  ping: z.object({ by: z.enum(["ping", "tcp"]), ok: z.boolean(), saw: z.string() }),
  ports: z.array(z.object({ port: z.number(), ms: z.number().nullable(), error: z.string().nullable() })),
  connected: z.boolean(),
  error: z.string().nullable(),
  resources: z.record(z.string(), z.number()),
  /** A real task on each living node, by node id. */
  tasks: z.array(
    z.object({
      nodeId: z.string(),
      name: z.string(),
      ok: z.boolean(),
      /** The address that the task saw as its own. */
      ranAt: z.string().nullable(),
      error: z.string().nullable(),
    }),
  ),
});
export type ClientReport = z.infer<typeof ClientReport>;

const MARK = "WS-CLIENT-REPORT ";

/** The report among whatever else Python and Ray printed. */
export function readClientReport(output: string): Result<ClientReport, string> {
  const line = output.split("\n").findLast((each) => each.startsWith(MARK));
  if (line === undefined) return err(`the client program gave no report: ${output.trim().slice(-300)}`);
  const report = ClientReport.safeParse(JSON.parse(line.slice(MARK.length)));
  return report.success
    ? ok(report.data)
    : err(`the client program's report is wrong: ${report.error.message}`);
}

/** The command for a Python that has Ray: it looks at the HEAD as the test client of docs/specification.md does. */
export function clientProbeCommand(host: string, gcsPort: number, clientPort: number): string[] {
  return ["python", "-c", PROGRAM, host, String(gcsPort), String(clientPort)];
}

const PROGRAM = `
import json, shutil, socket, subprocess, sys, time

${CONNECT}
host, gcs_port, client_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

def ping():
    if shutil.which("ping") is None:
        try:
            socket.create_connection((host, gcs_port), timeout=5).close()
            return {"by": "tcp", "ok": True, "saw": "a TCP connection came through"}
        except OSError as error:
            return {"by": "tcp", "ok": False, "saw": f"TCP: {error}"}
    done = subprocess.run(["ping", "-c", "1", "-W", "2", host], capture_output=True, text=True)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    answer = next((line for line in lines if "bytes from" in line), lines[-1] if lines else "")
    return {"by": "ping", "ok": done.returncode == 0, "saw": answer}

def port(number):
    began = time.monotonic()
    try:
        socket.create_connection((host, number), timeout=5).close()
        return {"port": number, "ms": (time.monotonic() - began) * 1000, "error": None}
    except OSError as error:
        return {"port": number, "ms": None, "error": str(error)}

report = {"ping": ping(), "ports": [port(gcs_port), port(client_port)], "connected": False, "error": None,
          "resources": {}, "tasks": []}
try:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as OnNode

    connect(f"ray://{host}:{client_port}", "error")
    report["connected"] = True
    report["resources"] = ray.cluster_resources()

    @ray.remote(num_cpus=1, max_retries=0)
    def square(number):
        return number * number, ray.util.get_node_ip_address()

    nodes = [node for node in ray.nodes() if node["Alive"]]
    asked = [(node, square.options(scheduling_strategy=OnNode(node["NodeID"], soft=False)).remote(7)) for node in nodes]
    for node, answer in asked:
        task = {"nodeId": node["NodeID"], "name": node["NodeName"], "ok": False, "ranAt": None, "error": None}
        try:
            value, task["ranAt"] = ray.get(answer, timeout=60)
            task["ok"] = value == 49
        except Exception as error:
            task["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
        report["tasks"].append(task)
    ray.shutdown()
except Exception as error:
    report["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
print("${MARK}" + json.dumps(report))
`;
