import * as z from "zod/mini";

/** A text or number with the words that the JSON Schema shows beside it. */
const text = (meaning: string) => z.string().check(z.describe(meaning));
const number = (meaning: string) => z.number().check(z.describe(meaning));

const ShownCommand = z.object({
  command: z
    .array(z.string())
    .check(z.describe("the program and its arguments; (n characters) stands for what may be a secret")),
  user: text("the user that it runs as"),
  path: text("its PATH"),
  env: z
    .record(z.string(), z.string())
    .check(z.describe("its whole environment; (n characters) stands for a value that may be a secret")),
});

const ShownSetting = z.object({
  name: text("the variable"),
  value: z
    .nullable(z.string())
    .check(z.describe("its text; null where it has no value; (n characters) stands for a secret")),
  origin: z.enum(["default", "environment"]),
});

const ShownHead = z.object({
  name: z.nullable(z.string()).check(z.describe("its name in the whitelist; null where it has none")),
  address: text("host:port"),
  kind: text("ray-gcs, unauthorized, not-ray, refused, unreachable, unresolved or timeout"),
  ms: number("milliseconds that the answer took"),
  text: text("the same in words"),
});

/** What `--dry-run --json` prints. Its JSON Schema is docs/dry-run.schema.json. */
export const DryRunReport = z.object({
  version: text("the version of the entrypoint"),
  node: text("the name of this node"),
  config: z.array(ShownSetting).check(z.describe("every variable of the contract, in its order")),
  introduction: z
    .array(z.string())
    .check(z.describe("who this node is and what it was told, in the words of the log")),
  facts: z.object({
    local: z.object({
      ms: number("milliseconds that the look at this machine took"),
      user: text("the user that the entrypoint runs as"),
      ray: z.nullable(z.string()).check(z.describe("the path of ray; null where there is none")),
      rayVersion: z
        .nullable(z.string())
        .check(z.describe("null where it cannot be read without starting ray")),
      pythonVersion: z
        .nullable(z.string())
        .check(z.describe("major and minor of the Python that Ray runs under; null where that is not known")),
      requirements: z
        .array(z.string())
        .check(z.describe("the requirements files that would be installed first")),
    }),
    health: z.object({
      url: text("where the health service was asked"),
      kind: text("lease, plain, down or none"),
      ms: number("milliseconds that the answer took"),
      text: text("the same in words"),
    }),
    heads: z
      .array(ShownHead)
      .check(z.describe("what each possible HEAD answered, in the order of the whitelist")),
  }),
  decision: z.object({
    role: z
      .enum(["head", "worker", "ask-lease", "wait", "none"])
      .check(
        z.describe(
          "ask-lease: HEAD if the health service grants the lease, which a dry run does not ask for",
        ),
      ),
    rule: text("the rule of the decision table that made it"),
    text: text("the same in words"),
  }),
  plan: z
    .nullable(
      z.object({
        role: z.enum(["head", "worker"]),
        before: z.array(ShownCommand).check(z.describe("what runs first, one after the other")),
        start: ShownCommand,
        ready: z.object({
          gcs: text("host:port of the GCS that must list this node as ALIVE"),
          nodeName: text("the name under which it must"),
          timeout: number("seconds within which it must"),
        }),
      }),
    )
    .check(z.describe("what would run; null where this node would wait or end")),
  exitCode: z.int().check(z.describe("what this node would exit with at once; 0 where it would run or wait")),
});
export type DryRunReport = z.infer<typeof DryRunReport>;
