import fc from "fast-check";
import { expect, test } from "vitest";
import { insideOf, loopbackTwin, nthAddress, overlap, parseSubnet, usableIn } from "./ipv4.ts";

const network = fc
  .record({
    bytes: fc.tuple(...[0, 1, 2, 3].map(() => fc.nat(255))),
    prefix: fc.integer({ min: 8, max: 28 }),
  })
  .map(({ bytes, prefix }) => {
    const number = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    const first = number - (number % 2 ** (32 - prefix));
    const text = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join(".");
    return { text: `${text}/${prefix}`, size: 2 ** (32 - prefix) };
  });

test("every address counted from a network's first lies inside it, and the ones past its end do not", () => {
  fc.assert(
    fc.property(network, fc.nat(), ({ text, size }, n) => {
      const subnet = parseSubnet(text);
      expect(subnet).toBeDefined();
      if (subnet === undefined) return;
      const inside = nthAddress(subnet, n % size);
      expect(insideOf(subnet, inside)).toBe(true);
      expect(usableIn(subnet, inside)).toBe(n % size > 1 && n % size < size - 1);
      if (subnet.last < 2 ** 32 - 1) expect(insideOf(subnet, nthAddress(subnet, size))).toBe(false);
    }),
  );
});

test("two networks overlap exactly when one holds the other's first address", () => {
  fc.assert(
    fc.property(network, network, (a, b) => {
      const [left, right] = [parseSubnet(a.text), parseSubnet(b.text)];
      if (left === undefined || right === undefined) throw new Error("not a network");
      const holds = insideOf(left, nthAddress(right, 0)) || insideOf(right, nthAddress(left, 0));
      expect(overlap(left, right)).toBe(holds);
    }),
  );
});

test.each(["", "172.28.0.0", "172.28.0.0/33", "172.28.0.1/16", "300.0.0.0/8", "172.28.0.0/16/2", "::/64"])(
  "%j is no network",
  (text) => {
    expect(parseSubnet(text)).toBeUndefined();
  },
);

test("the embedded runtime keeps the last three bytes of an address", () => {
  expect(loopbackTwin("172.28.0.3")).toBe("127.28.0.3");
});
