import { readText } from "../../../common/files.ts";
import { err, ok } from "../../../common/result.ts";
import { buildWords, dockerfileOf } from "../../compose/base-build.ts";
import { imageOwner } from "../../compose/names.ts";
import type { Places } from "../../compose/write-files.ts";
import type { BaseImage } from "../../config/settings.ts";
import type { Attempt } from "../../failure.ts";
import type { Driver } from "../driver.ts";
import type { Engine, RunCommand } from "./engine.ts";

/** What the user's own builds are made from, as far as a look shows it: their Dockerfiles, and what config.yaml says of them. */
export const buildTexts = ({
  settings,
  configFolder,
}: Pick<Driver, "settings"> & Pick<Places, "configFolder">): string[] =>
  settings.nodes.flatMap(({ name, base: { build } }) =>
    build === undefined || imageOwner(settings, name) !== name
      ? []
      : [JSON.stringify(build), readText(dockerfileOf(build, configFolder)) ?? ""],
  );

/** Builds or pulls it. Returns the user that its containers run as. */
export async function makeBase(
  { engine, configFolder }: Pick<Places, "configFolder"> & { readonly engine: Engine },
  base: BaseImage,
  { onLine, signal }: Pick<NonNullable<Parameters<RunCommand>[1]>, "onLine" | "signal">,
): Attempt<string> {
  const slow = { onLine, signal, timeoutMs: undefined };
  const ask = () => engine.docker(["image", "inspect", "--format", "{{.Config.User}}", base.image]);
  const found = base.build === undefined ? await ask() : undefined;
  if (found?.ok) return ok(found.value.trim() || ROOT);
  const words = base.build === undefined ? ["pull", base.image] : buildWords(base, configFolder);
  const made = await engine.docker(words, slow);
  if (!made.ok) return err(made.error);
  const user = await ask();
  return user.ok ? ok(user.value.trim() || ROOT) : err(user.error);
}

const ROOT = "root";
