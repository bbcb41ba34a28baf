import { connect } from "node:net";
import type { Address } from "../address.ts";
import { lookup } from "../lookup.ts";

/** How an exchange ended without being understood. */
export type Unheard =
  | { readonly kind: "timeout"; readonly phase: "connect" | "answer" }
  /** No connection was made; `code` is the operating system's. */
  | { readonly kind: "not-connected"; readonly code: string }
  | { readonly kind: "closed" };

/**
 * Says `greeting` on a connection of its own and gives what comes back to `hear`, until that returns something other than
 * null. Never rejects, takes at most `timeoutMs`, leaves no connection behind.
 */
export function exchange<T>(
  address: Address,
  greeting: Buffer,
  timeoutMs: number,
  hear: (bytes: Buffer) => T | null,
): Promise<{ readonly kind: "heard"; readonly answer: T } | Unheard> {
  return new Promise((resolve) => {
    const socket = connect({ ...address, lookup });
    let phase: "connect" | "answer" = "connect";
    const end = (outcome: { kind: "heard"; answer: T } | Unheard): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => end({ kind: "timeout", phase }), timeoutMs);
    socket.on("error", ({ code = "unknown" }: NodeJS.ErrnoException) =>
      end(phase === "connect" ? { kind: "not-connected", code } : { kind: "closed" }),
    );
    socket.on("close", () => end({ kind: "closed" }));
    socket.on("connect", () => {
      phase = "answer";
      socket.write(greeting);
    });
    socket.on("data", (bytes) => {
      const answer = hear(bytes);
      if (answer !== null) end({ kind: "heard", answer });
    });
  });
}
