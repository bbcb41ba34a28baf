import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { WriteStream } from "node:tty";
import { styleText } from "node:util";
import { expect, test, vi } from "vitest";
import { FakeEngine, inspected } from "../../test/fixtures/docker/fake-engine.ts";
import { settingsOf } from "../../test/fixtures/settings.ts";
import { createLogger } from "../common/output/logger.ts";
import { whileStopping } from "./cluster/down.ts";
import { logVerbs } from "./drivers/compose/logs.ts";
import { writer } from "./output/terminal.ts";

const ID = "0".padStart(64, "0");
const engineWith = (logs: string) => `
  version*) echo 28.1 ;;
  "context inspect"*) echo unix:///run/docker.sock ;;
  "ps "*) echo ${ID} ;;
  inspect*) cat <<'JSON'
${inspected({ service: "ray-cpu" })}
JSON
  ;;
  logs*) ${logs} ;;`;

const RED = "\u001b[31m";

test("E7 logs takes --since and -t, and hands them to the engine", async () => {
  const engine = new FakeEngine(
    engineWith(
      `echo '2026-01-31T12:00:01.5Z Mode: head'; printf '2026-01-31T12:00:02Z a${RED}b\\033[2Jc\\007\\n'`,
    ),
  );
  const { code, out } = await engine.ws(["logs", "-t", "--since", "2026-01-31T12:00:00Z", "-n", "5"]);
  expect(code).toBe(0);
  expect(out).toBe(
    "ray-cpu | 2026-01-31T12:00:01.5Z Mode: head\nray-cpu | 2026-01-31T12:00:02Z abc\\u0007\n",
  );
  expect(readFileSync(engine.asked, "utf8")).toContain(
    `logs --timestamps --tail 5 --since 2026-01-31T12:00:00.000Z ${ID}\n`,
  );
  expect((await engine.ws(["logs"])).out).toContain("ray-cpu | Mode: head\n");
  expect((await engine.ws(["logs", "--since", "yesterday"])).code).toBe(64);
});

test("E7 the embedded runtime keeps the time of our lines; Ray's come from about then", async () => {
  const engine = new FakeEngine("");
  const folder = join(engine.root, ".ws/embedded/logs");
  mkdirSync(folder, { recursive: true });
  let text = "";
  const write = (more: string) => {
    text += more;
  };
  let now = new Date("2026-01-31T12:00:00Z");
  const render = ({ lines }: { type: string; lines: string[] }) => lines;
  const logger = createLogger({ form: "timed", write, render, now: () => now });
  logger.log({ type: "x", lines: ["first"] });
  now = new Date("2026-01-31T13:00:00Z");
  logger.log({ type: "x", lines: ["Mode: head", "→ two", "three"] });
  text += `${RED}Ray's own\n`;
  writeFileSync(join(folder, "ray-cpu.log"), text);
  const at = (...words: string[]) => engine.ws(["--runtime", "embedded", "logs", ...words]);
  expect((await at()).out).toBe(
    `ray-cpu | first\nray-cpu | Mode: head\nray-cpu | → two\nray-cpu | three\nray-cpu | Ray's own\n`,
  );
  const later = (await at("-t", "--since", "2026-01-31T12:30:00Z", "-n", "2")).out;
  const time = "2026-01-31T13:00:00.000Z";
  expect(later).toBe(`ray-cpu | ${time} three\nray-cpu | ${time} Ray's own\n`);
  expect(await at("--since", "2026-01-31T13:30:00Z")).toMatchObject({
    ...{ code: 0, out: "", err: expect.stringContaining("Nothing was written since 2026-01-31T13:30:00") },
  });
});

test("E7 D17 no escape code reaches an output that is not a terminal; on a terminal marks are coloured", () => {
  const through = (isTTY: boolean) => {
    const { hasColors, getColorDepth } = WriteStream.prototype;
    const stream = Object.assign(new PassThrough(), { isTTY, hasColors, getColorDepth });
    writer(stream as never)(`✓ it holds\n  ✗ a ✗ ${RED}red\n`);
    return String(stream.read());
  };
  vi.stubEnv("FORCE_COLOR", undefined);
  // On a CI machine Node takes nothing for a terminal that shows colours.
  vi.stubEnv("CI", undefined);
  vi.stubEnv("NO_COLOR", undefined);
  vi.stubEnv("TERM", "xterm-256color");
  const style = { validateStream: false };
  expect(through(true)).toBe(
    `${styleText("green", "✓", style)} it holds\n  ${styleText("red", "✗", style)} a ✗ ${RED}red\n`,
  );
  expect(through(false)).toBe("✓ it holds\n  ✗ a ✗ red\n");
  vi.stubEnv("NO_COLOR", "1");
  expect(through(true)).toBe("✓ it holds\n  ✗ a ✗ red\n");
  vi.unstubAllEnvs();
});

test("E9 logs of a failed start are kept, and shown when the container is gone", async () => {
  const engine = new FakeEngine("");
  const docker = async (words: readonly string[]) => {
    expect(words).toEqual(["logs", "--timestamps", "--tail", "20000", ID]);
    return { ok: true, value: "2026-01-31T12:00:00Z ✗ No HEAD after 5 s\n" } as const;
  };
  const place = {
    settings: settingsOf(),
    stateDir: join(engine.root, ".ws"),
    env: {},
    engine: { docker } as never,
  };
  await logVerbs(place).keepLog("ray-cpu", { ref: ID });
  engine.says(`version*) echo 28.1 ;;`);
  const { code, out } = await engine.ws(["logs", "ray-cpu"]);
  expect(code).toBe(0);
  const [first, second] = out.split("\n");
  expect(first).toMatch(
    /^ray-cpu \| → Its container is gone; these lines are kept from the start that failed at 2/,
  );
  expect(second).toBe("ray-cpu | ✗ No HEAD after 5 s");
  await engine.ws(["down", "-v"]);
  expect((await engine.ws(["logs"])).err).toContain("There are no logs yet");
});

test("E7 a stop that waits says for which nodes and how long, and reacts to Ctrl-C", async () => {
  vi.useFakeTimers();
  const said: string[] = [];
  const say = (_: string, text: string) => void said.push(text);
  const none = () => {};
  const progress = { begin: none, note: none, say, done: none, fail: none, close: none };
  const stop = new AbortController();
  const work = Promise.withResolvers<void>();
  const waited = { names: ["ray-gpu"], limitMs: 30_000, now: stop.signal };
  const ended = whileStopping({ progress, id: "down" }, waited, work.promise);
  await vi.advanceTimersByTimeAsync(2500);
  stop.abort();
  work.resolve();
  await ended;
  vi.useRealTimers();
  expect(said).toEqual([
    expect.stringMatching(/^ray-gpu may finish running work: 2[78] s left at most/),
    "Not waiting any longer: ending everything at once",
  ]);
});
