import * as z from "zod/mini";

/** A type with the words that the JSON Schema shows beside it. */
const about = <T extends z.ZodMiniType>(type: T, meaning: string): T => type.check(z.describe(meaning)) as T;
const text = (meaning: string) => about(z.string(), meaning);
const textOrNull = (meaning: string) => about(z.nullable(z.string()), meaning);
const number = (meaning: string) => about(z.number(), meaning);
const list = <T extends z.ZodMiniType>(type: T, meaning: string) => about(z.array(type), meaning);

const ShownCommand = z.object({
  command: list(z.string(), "the program and its arguments; (n characters) stands for what may be a secret"),
  user: text("the user that it runs as"),
  path: text("its PATH"),
  env: about(
    z.record(z.string(), z.string()),
    "its whole environment; (n characters) stands for a value that may be a secret",
  ),
});

const Setting = z.object({
  name: text("the variable"),
  value: textOrNull("its text; null where it has no value; (n characters) stands for a secret"),
  origin: z.enum(["default", "environment"]),
});

const Head = z.object({
  name: textOrNull("its name in the whitelist; null where it has none"),
  address: text("host:port"),
  kind: text("ray-gcs, unauthorized, not-ray, refused, unreachable, unresolved or timeout"),
  ms: number("milliseconds that the answer took"),
  text: text("the same in words"),
});

const Role = z.enum(["head", "worker", "ask-lease", "wait", "none"]);

const Plan = z.object({
  role: z.enum(["head", "worker"]),
  before: list(ShownCommand, "what runs first, one after the other"),
  start: ShownCommand,
  ready: z.object({
    gcs: text("host:port of the GCS that must list this node as ALIVE"),
    nodeName: text("the name under which it must"),
    timeout: number("seconds within which it must"),
  }),
});

/** What `--dry-run --json` prints. Its JSON Schema is docs/dry-run.schema.json. */
export const DryRunReport = z.object({
  version: text("the version of the entrypoint"),
  node: text("the name of this node"),
  config: list(Setting, "every variable of the contract, in its order"),
  introduction: list(z.string(), "who this node is and what it was told, in the words of the log"),
  facts: z.object({
    local: z.object({
      ms: number("milliseconds that the look at this machine took"),
      user: text("the user that the entrypoint runs as"),
      ray: textOrNull("the path of ray; null where there is none"),
      rayVersion: textOrNull("null where it cannot be read without starting ray"),
      pythonVersion: textOrNull(
        "major and minor of the Python that Ray runs under; null where that is not known",
      ),
      requirements: list(z.string(), "the requirements files that would be installed first"),
    }),
    health: z.object({
      url: text("where the health service was asked"),
      kind: text("lease, plain, down or none"),
      ms: number("milliseconds that the answer took"),
      text: text("the same in words"),
    }),
    heads: list(Head, "what each possible HEAD answered, in the order of the whitelist"),
  }),
  decision: z.object({
    role: about(
      Role,
      "ask-lease: HEAD if the health service grants the lease, which a dry run does not ask for",
    ),
    rule: text("the rule of the decision table that made it"),
    text: text("the same in words"),
  }),
  plan: about(z.nullable(Plan), "what would run; null where this node would wait or end"),
  exitCode: about(z.int(), "what this node would exit with at once; 0 where it would run or wait"),
});
export type DryRunReport = z.infer<typeof DryRunReport>;
