import { join, normalize, resolve } from "node:path";
import type { BaseImage } from "../config/settings.ts";

type Build = NonNullable<BaseImage["build"]>;

/** Paths are relative to the folder of config.yaml, as those of docker build are to the shell's. */
export const dockerfileOf = (
  { context, dockerfile = join(context, "Dockerfile") }: Build,
  folder: string,
): string => resolve(folder, dockerfile);

/** The words for `docker build` that make the user's own image. `folder`: of config.yaml; left out: paths as a person there types them. */
export function buildWords({ image, build }: BaseImage, folder?: string): string[] {
  if (build === undefined) return [];
  const { context, dockerfile = join(context, "Dockerfile"), target, args = {} } = build;
  const at = (path: string) => (folder === undefined ? normalize(path) : resolve(folder, path));
  return [
    ...["build", "-t", image, "-f", at(dockerfile)],
    ...(target === undefined ? [] : ["--target", target]),
    ...Object.entries(args).flatMap((arg) => ["--build-arg", arg.join("=")]),
    at(context),
  ];
}
