import { describe, expect, test } from "vitest";
import { redactCommand, redactEnv, redactText } from "./redact.ts";

const command = (...args: string[]) => ({ file: "ray", args, env: {}, user: null });

describe("secrets are hidden", () => {
  test.each([
    ["RAY_AUTH_TOKEN", "s3cret"],
    ["AWS_SECRET_ACCESS_KEY", "s3cret"],
    ["API_KEY", "s3cret"],
    ["my_password", "s3cret"],
    ["RAY_EP_HEALTH_TOKEN", "s3cret"],
    ["PIP_INDEX_URL", "https://me:s3cret@host/simple"],
  ])("the variable %s", (name, value) => {
    const shown = redactEnv({ [name]: value });
    expect(shown[name]).toContain("***");
    expect(shown[name]).not.toContain("s3cret");
  });

  test.each([
    [command("start", "--redis-password=s3cret")],
    [command("start", "--redis-password", "s3cret")],
    [command("start", "--address=redis://u:s3cret@host:6379")],
    [command("start", "--auth-token=s3cret")],
  ])("%j", (given) => {
    expect(redactCommand(given).join(" ")).toContain("***");
    expect(redactCommand(given).join(" ")).not.toContain("s3cret");
  });
});

describe("what is no secret stays", () => {
  test.each([
    ["RAY_AUTH_TOKEN_PATH", "/run/token"],
    ["RAY_EP_HEALTH_TOKEN_FILE", "/run/token"],
    ["KEYBOARD", "de"],
    ["PATH", "/usr/bin:/bin"],
    ["HEALTH_URL", "http://health:8080"],
    ["HEAD_ADDRESS", "ray-cpu:6379"],
  ])("the variable %s", (name, value) => expect(redactEnv({ [name]: value })).toEqual({ [name]: value }));

  test("words of ray start", () => {
    const words = ["start", "--address=ray-cpu:6379", "--block"];
    expect(redactCommand(command(...words))).toEqual(["ray", ...words]);
    expect(redactText("at http://health:8080/a@b")).toBe("at http://health:8080/a@b");
  });
});
