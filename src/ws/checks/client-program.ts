import { CLIENT_CONNECTED } from "../../common/protocol/specification.ts";

/**
 * Python for a program that has imported ray. The HEAD starts a server for each client, and a busy one gives up on it
 * after 30 s (ray/util/client/server/proxier.py, Ray 2.40 to 2.60): that is worth another try. Where nothing answers it is not.
 */
export const CONNECT = `
def connect(url, level):
    for patience in (2, 1, 0):
        try:
            return ray.init(url, logging_level=level)
        except ConnectionAbortedError as error:
            if patience == 0:
                raise
            print(f"→ Trying again: {first_line(error)}", flush=True)

def first_line(error):
    return f"{type(error).__name__}: {error}".splitlines()[0]
`;

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
