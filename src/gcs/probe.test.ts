import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { FakeGcs, type FakeNode, fakeNode } from "../../test/fixtures/fake-gcs.ts";
import * as odd from "../../test/fixtures/odd-servers.ts";
import { http2, refusingGrpc, tcp } from "../../test/fixtures/servers.ts";
import { until } from "../../test/fixtures/until.ts";
import { renderProbe, silent } from "../common/probe-result.ts";
import { openGcs } from "./client.ts";
import { probeGcs } from "./probe.ts";

const TIMEOUT_MS = 1500;
const OPTIONS = { token: null, timeoutMs: TIMEOUT_MS };
/** For what answers: how soon is not the question, and a busy machine is slow. */
const PATIENT = { token: null, timeoutMs: 20_000 };
/** What a probe may take besides its time on a busy machine. */
const SLACK_MS = 1000;

const keyOf = ({ nodeId, address }: FakeNode) => ({ nodeId, address, port: 0 });

const running: { stop(): Promise<void> }[] = [];

async function keep<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
  const started = await starting;
  running.push(started);
  return started;
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.stop()));
  const sockets = () => process.getActiveResourcesInfo().filter((kind) => /^TCP|^TLS/.test(kind));
  await until(
    () => `sockets to close, left: ${sockets()}`,
    () => sockets().length === 0,
  );
});

describe("what is no GCS gets its own result, in time", () => {
  test.each([
    ["a Redis", odd.redis, /^not-ray: it speaks the Redis protocol$/],
    ["a web server of HTTP/1", odd.http1, /^not-ray: it speaks HTTP\/1$/],
    ["a TLS server", odd.tls, /^tls: wanted$/],
    ["one that closes at once", odd.curt, /^not-ray: it closes the connection$/],
    ["one that resets", odd.rude, /^not-ray: it closes the connection$/],
    ["rubbish without end", odd.rubbish, /^not-ray: its answer is no HTTP\/2$/],
    ["a gRPC server of another service", odd.otherGrpc, /^not-ray: it answers gRPC, but not as Ray's GCS: /],
    ["a web server of HTTP/2", odd.http2Web, /^not-ray: it (?:answers gRPC, but not as|speaks HTTP\/2)/],
    ["a gRPC message without end", odd.endlessGrpc, /^not-ray: /],
    ["a closed port", odd.refused, /^refused: $/],
    ["one that says nothing", odd.mute, /^timeout: answer$/, OPTIONS],
    ["a full queue", odd.silent, /^timeout: connect$/, OPTIONS],
  ])("%s", async (_, start, expected, options = PATIENT) => {
    const server = await keep(start());
    const result = await probeGcs(server.address, options);
    const said =
      "saw" in result
        ? result.saw
        : "phase" in result
          ? result.phase
          : result.kind === "tls"
            ? result.problem
            : "";
    expect(`${result.kind}: ${said}`).toMatch(expected);
    expect(result.ms).toBeLessThan(TIMEOUT_MS + SLACK_MS);
    expect(result.address).toEqual(server.address);
    expect(renderProbe(result)).not.toContain("answers as a Ray GCS");
  });

  test.each([
    ["UNAVAILABLE, as one that is overloaded or shutting down does", "14", true],
    ["UNIMPLEMENTED, as one of another service does", "12", false],
  ])("A3 a gRPC server that answers %s: silent %s", async (_, status, isSilent) => {
    const server = await keep(refusingGrpc(status, () => "refused"));
    expect(silent(await probeGcs(server.address, PATIENT))).toBe(isSilent);
  });

  test("a name that nobody has", async () => {
    const result = await probeGcs({ host: "no-such-node.invalid", port: 6379 }, PATIENT);
    // Without any name server the answer is the resolver's own silence.
    expect(["unresolved", "timeout"]).toContain(result.kind);
  });

  test("a network that this machine has no route to", async () => {
    const result = await probeGcs({ host: "255.255.255.255", port: 6379 }, OPTIONS);
    expect(result.kind).toBe("unreachable");
  });
});

describe("a GCS", () => {
  test("is seen with its version and cluster id", async () => {
    const gcs = await keep(FakeGcs.start({ version: "2.49.2", clusterId: "ab".repeat(28) }));
    expect(await probeGcs(gcs.address, OPTIONS)).toMatchObject({
      kind: "ray-gcs",
      version: "2.49.2",
      clusterId: "ab".repeat(28),
      address: gcs.address,
    });
  });

  test("that is slow but in time is seen", async () => {
    const gcs = await keep(FakeGcs.start());
    gcs.delayMs = 300;
    expect(await probeGcs(gcs.address, PATIENT)).toMatchObject({ kind: "ray-gcs" });
  });

  test("is seen by answers that come a byte at a time", async () => {
    const gcs = await keep(FakeGcs.start());
    const drip = await keep(
      tcp((near) => {
        const far = connect(gcs.address).on("error", () => {});
        near
          .setNoDelay(true)
          .on("close", () => far.destroy())
          .pipe(far);
        far.on("data", async (bytes: Buffer) => {
          for (const byte of bytes) await new Promise((resolve) => near.write(Buffer.from([byte]), resolve));
        });
      }),
    );
    expect(await probeGcs(drip.address, PATIENT)).toMatchObject({ kind: "ray-gcs", version: "2.60.0" });
  });

  // Lengths around the steps of HPACK's numbers (RFC 7541, 5.1): below 127, above it, and with two bytes more.
  test.each([1, 110, 119, 120, 121, 300, 4000])("takes a token of %i characters", async (length) => {
    const token = "t".repeat(length);
    const gcs = await keep(FakeGcs.start({ token }));
    expect(await probeGcs(gcs.address, { ...PATIENT, token })).toMatchObject({ kind: "ray-gcs" });
    const refused = await probeGcs(gcs.address, { ...PATIENT, token: `${token}x` });
    expect(refused).toMatchObject({
      kind: "unauthorized",
      detail: expect.stringMatching(/^InvalidAuthToken: /),
    });
  });

  test("that hangs is silent, not absent", async () => {
    const gcs = await keep(FakeGcs.start());
    gcs.hangs = true;
    expect(await probeGcs(gcs.address, OPTIONS)).toMatchObject({ kind: "timeout", phase: "answer" });
  });

  test("that has no cluster id yet is no HEAD", async () => {
    const gcs = await keep(FakeGcs.start({ clusterId: "" }));
    expect(await probeGcs(gcs.address, PATIENT)).toMatchObject({ kind: "not-ray" });
  });

  test.each([
    ["right", "s3cret", "ray-gcs"],
    ["wrong", "guess", "unauthorized"],
    ["missing", null, "unauthorized"],
  ])("with a token that is %s", async (_, token, kind) => {
    const gcs = await keep(FakeGcs.start({ token: "s3cret" }));
    const result = await probeGcs(gcs.address, { ...PATIENT, token });
    expect(result.kind).toBe(kind);
    expect(renderProbe(result)).not.toContain("s3cret");
  });
});

describe("the client", () => {
  test("brings whatever a server says of its refusal", async () => {
    const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).filter(
      (each) => each !== "%",
    );
    let word = "";
    const refusing = await keep(refusingGrpc("16", () => word));
    const client = openGcs(refusing.address, { token: null });
    // The library of the server takes the short codes of HPACK, which "a" has, wherever they save a byte.
    for (const each of printable) {
      word = `aaaaaaaaaaaaaaaaaaaa${each}e`;
      expect(await client.clusterId(5000)).toEqual({
        ok: false,
        error: { kind: "unauthorized", detail: word },
      });
    }
    client.close();
  });

  test("reads a list of nodes that is longer than any window and frame of HTTP/2", async () => {
    const gcs = await keep(FakeGcs.start());
    gcs.nodes = Array.from({ length: 3000 }, (_, i) => fakeNode(`node-${i}`));
    const client = openGcs(gcs.address, { token: null });
    for (const _ of ["once", "again"]) {
      const nodes = await client.nodes(20_000);
      expect(nodes.ok && nodes.value.map(({ name }) => name)).toEqual(gcs.nodes.map(({ name }) => name));
    }
    client.close();
  });

  test("lists nodes, the dead ones too, and says who lives", async () => {
    const gcs = await keep(FakeGcs.start());
    const living = fakeNode("ray-cpu", { isHead: true });
    const dead = fakeNode("ray-cpu", { alive: false });
    gcs.nodes = [dead, living, fakeNode("ray-gpu")];
    const client = openGcs(gcs.address, { token: null });
    expect(await client.nodes(5000)).toMatchObject({
      ok: true,
      value: [
        { nodeId: dead.nodeId, alive: false },
        { nodeId: living.nodeId, alive: true, isHead: true, resources: { CPU: 4 } },
        { name: "ray-gpu", alive: true },
      ],
    });
    const alive = await client.checkAlive([living, dead].map(keyOf), 5000);
    expect(alive).toMatchObject({ ok: true, value: { alive: [true, false] } });
    client.close();
  });

  test("asks a GCS that knows raylets by their addresses, as Ray 2.40 does", async () => {
    const gcs = await keep(FakeGcs.start({ asksForAddresses: true }));
    const living = fakeNode("ray-cpu", { address: "10.0.0.1" });
    const dead = fakeNode("ray-gpu", { address: "10.0.0.2", alive: false });
    gcs.nodes = [living, dead];
    const client = openGcs(gcs.address, { token: null });
    for (const _ of ["finds out", "knows"]) {
      const alive = await client.checkAlive([living, dead].map(keyOf), 5000);
      expect(alive).toMatchObject({ ok: true, value: { version: "2.60.0", alive: [true, false] } });
    }
    expect(gcs.calls).toBe(3);

    // A later Ray in its place ends itself over an address.
    await gcs.stop();
    const later = await keep(FakeGcs.start(gcs.address));
    later.nodes = [living];
    const seen = await until("an answer of the next GCS", async () => {
      const alive = await client.checkAlive([living].map(keyOf), 5000);
      return alive.ok ? alive.value : undefined;
    });
    expect(seen.alive).toEqual([true]);
    client.close();
  });

  test("counts every call on a silent connection as silent, whichever gave up first", async () => {
    const gcs = await keep(FakeGcs.start());
    gcs.hangs = true;
    const client = openGcs(gcs.address, { token: null });
    const answers = await Promise.all([client.clusterId(30_000), client.checkAlive([], 500)]);
    for (const answer of answers) expect(answer).toMatchObject({ ok: false, error: { kind: "timeout" } });
    client.close();
  });

  test("gets its answer from a server that takes no more calls, and asks the next on a new connection", async () => {
    const sessions = new Set<unknown>();
    const leaving = await keep(
      http2((stream) => {
        sessions.add(stream.session);
        stream.session?.goaway();
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        // Field 2, one byte: ab.
        stream.end(Buffer.from([0, 0, 0, 0, 3, 0x12, 1, 0xab]));
      }),
    );
    const client = openGcs(leaving.address, { token: null });
    for (const _ of ["once", "again"])
      expect(await client.clusterId(5000)).toEqual({ ok: true, value: "ab" });
    expect(sessions.size).toBe(2);
    client.close();
  });

  test("finds its way back to a GCS that was restarted", async () => {
    const first = await FakeGcs.start();
    const client = openGcs(first.address, { token: null });
    expect((await client.clusterId(5000)).ok).toBe(true);
    await first.stop();
    expect(await client.clusterId(5000)).toMatchObject({ ok: false, error: { kind: "unavailable" } });
    await keep(FakeGcs.start({ ...first.address, clusterId: "cd".repeat(28) }));
    await until("the new cluster id", async () => {
      const answer = await client.clusterId(1000);
      return answer.ok && answer.value === "cd".repeat(28);
    });
    client.close();
  });
});
