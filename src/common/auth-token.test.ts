import { describe, expect, test } from "vitest";
import { authOfRay, decideAuth, tokenIn } from "./auth-token.ts";

describe("C1 the token mode is Ray's own decision, made once for all parts", () => {
  const decide = (env: Record<string, string>, version: string | null, tokenFile: string | null = null) => {
    const { mode, token, reason } = authOfRay(decideAuth(env, tokenIn(env, tokenFile)), version);
    return `${mode} ${token} ${reason}`;
  };

  test.each([
    // A given mode, in any case; blanks around it come from files with other line ends.
    [{ RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: "t" }, "2.60.0", "token t given"],
    [{ RAY_AUTH_MODE: "TOKEN", RAY_AUTH_TOKEN: "t" }, "2.60.0", "token t given"],
    [{ RAY_AUTH_MODE: "token\r", RAY_AUTH_TOKEN: "t\r" }, "2.60.0", "token t given"],
    [{ RAY_AUTH_MODE: "disabled", RAY_AUTH_TOKEN: "t" }, "2.60.0", "disabled null given"],
    // None was given: the HEAD of Ray 2.59 and later turns it on by itself.
    [{ RAY_AUTH_TOKEN: "t" }, "2.60.0", "token t token-found"],
    [{ RAY_AUTH_TOKEN: "t", RAY_AUTH_MODE: "" }, "2.59.1", "token t token-found"],
    [{ RAY_AUTH_TOKEN: "t" }, null, "token t token-found"],
    [{ RAY_AUTH_TOKEN: "t" }, "3.0.0.dev0", "token t token-found"],
    [{ RAY_AUTH_TOKEN: "t" }, "2.58.0", "disabled null not-told"],
    [{ RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: "t" }, "2.52.0", "token t given"],
    [{ RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN: "t" }, "2.51.2", "disabled null too-old"],
    [{}, "2.60.0", "disabled null no-token"],
  ])("%o with Ray %s: %s", (env: Record<string, string>, version, expected) => {
    expect(decide(env, version)).toBe(expected);
  });

  test.each([
    [{}, "f\n", "f"],
    [{}, " f \r\nmore\n", "f"],
    [{}, "\nmore", undefined],
    [{ RAY_AUTH_TOKEN: "t" }, "f", "t"],
    // Ray does not read the file if the variable holds anything at all.
    [{ RAY_AUTH_TOKEN: " " }, "f", undefined],
    [{ RAY_AUTH_TOKEN: "" }, "f", "f"],
    [{}, null, undefined],
  ])("the token in %o and a file of %o is %s", (env, file, token) => {
    expect(tokenIn(env, file)).toBe(token);
  });
});
