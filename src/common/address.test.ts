import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatAddress, host as hostForm, parseAddress, port as portForm, sameAddress } from "./address.ts";

const label = fc.stringMatching(/^[a-z0-9_][a-z0-9_-]{0,20}$/);
/** Only digits and dots would be an IPv4 address, perhaps a wrong one. */
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
const hostName = name.filter((text) => !/^[\d.]+$/.test(text));
const host = fc.oneof(hostName, fc.ipV4());
const port = fc.integer({ min: 1, max: 65535 });

describe("properties", () => {
  test("what is written as host:port is read back as it was", () => {
    fc.assert(
      fc.property(host, port, (hostText, portNumber) => {
        const address = { host: hostText, port: portNumber };
        expect(parseAddress(formatAddress(address))).toEqual({ ok: true, value: address });
        expect(sameAddress(address, { host: hostText.toUpperCase(), port: portNumber })).toBe(true);
      }),
    );
  });

  test("a host alone takes the default port, or is refused where there is none", () => {
    fc.assert(
      fc.property(host, port, (text, portNumber) => {
        expect(parseAddress(text, portNumber)).toEqual({ ok: true, value: { host: text, port: portNumber } });
        expect(parseAddress(text).ok).toBe(false);
      }),
    );
  });

  test("no port outside of 1 to 65535, and nothing that is no number, is ever a port", () => {
    const outside = fc.oneof(fc.integer({ max: 0 }), fc.integer({ min: 65536 }), fc.double()).map(String);
    const junk = fc.string().filter((text) => !/^\d{1,6}$/.test(text));
    fc.assert(
      fc.property(fc.oneof(outside, junk), (text) => {
        fc.pre(!(/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535));
        expect(portForm.parse(text).ok).toBe(false);
      }),
    );
  });

  test("IPv6 is refused with and without brackets and port, and the way out is named", () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.boolean(), fc.option(port), (ip, brackets, portNumber) => {
        const text = `${brackets ? `[${ip}]` : ip}${portNumber === null ? "" : `:${portNumber}`}`;
        const parsed = parseAddress(text, 6379);
        expect(parsed).toMatchObject({ ok: false, error: expect.stringContaining("give the host a name") });
      }),
    );
  });

  test("no text whatever makes it throw, and what is accepted is no option of a command line and no URL", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii" }), (text) => {
        const parsed = hostForm.parse(text);
        if (parsed.ok) expect(parsed.value).toMatch(/^(?!-)[A-Za-z0-9._-]+$/);
      }),
    );
  });
});

describe("each refusal says what was got", () => {
  test.each([
    ["", "got nothing"],
    ["ray-cpu", "without a port"],
    ["ray-cpu:", "expected a port from 1 to 65535"],
    [":6379", "expected a host name or an IPv4 address, got nothing"],
    ["ray-cpu:63x9", '"63x9"'],
    ["ray-cpu:0", "got 0"],
    ["ray-cpu:70000", "got 70000"],
    ["-head:6379", '"-head"'],
    ["ray cpu:6379", '"ray cpu"'],
    ["300.1.1.1:6379", '"300.1.1.1"'],
    ["10.0.0:6379", '"10.0.0"'],
    ["::1", "IPv6"],
    ["[::1]:6379", "IPv6"],
    ["[ray-cpu", 'expected a host name or an IPv4 address, got "[ray-cpu"'],
    ["http://ray-cpu:6379", 'expected host:port, got "http://ray-cpu:6379"'],
    ["ray-cpu:6379:6380", 'expected host:port, got "ray-cpu:6379:6380"'],
    [`${"a".repeat(64)}:6379`, "expected a host name"],
    [`${"a.".repeat(130)}a:6379`, "expected a host name"],
  ])("%s", (text, why) => {
    expect(parseAddress(text)).toMatchObject({ ok: false, error: expect.stringContaining(why) });
  });
});
