import { CLIENT_CONNECTED } from "../../common/protocol/specification.ts";
import { CONNECT } from "./ray-connect.ts";

const NOT_CONNECTED = "✗ Ray client could not connect";
/** What it said last of its connection; undefined as long as it has said nothing. */
export const clientWord = (lines: readonly string[]): string | undefined =>
  lines.findLast((line) => line.startsWith(CLIENT_CONNECTED) || line.startsWith(NOT_CONNECTED));

/**
 * The test client, run with the cluster's own Python: argv[1] is the HEAD's host, argv[2] its GCS port, argv[3] its
 * Ray Client port. It says what it sees, line by line, and stays connected until it is stopped.
 */
export const CLIENT_PROGRAM = `
import os, signal, socket, sys, threading, time

host, gcs_port, client_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
print(f"→ Test client on {os.environ.get('WS_CLIENT_ADDRESS', 'this machine')}", flush=True)
for port in (gcs_port, client_port):
    began = time.monotonic()
    try:
        socket.create_connection((host, port), timeout=5).close()
        print(f"✓ PORT {port} on {host} is open ({(time.monotonic() - began) * 1000:.0f} ms)", flush=True)
    except OSError as error:
        print(f"✗ PORT {port} on {host}: {error}", flush=True)

import ray
${CONNECT}
stop = threading.Event()
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: stop.set())
try:
    connect(f"ray://{host}:{client_port}", "warning")
    print(f"${CLIENT_CONNECTED} to ray://{host}:{client_port}", flush=True)
    for name, amount in sorted(ray.cluster_resources().items()):
        print(f"  {name}: {amount:g}", flush=True)
except Exception as error:
    print(f"${NOT_CONNECTED}: {first_line(error)}", flush=True)
print("→ Staying up until ws test --down", flush=True)
stop.wait()
ray.shutdown()
`;
