import type { Command } from "./plan.ts";

/** Variables whose value may be a secret, by name; a list of known ones would miss the user's own. */
const SECRET = /TOKEN(?!_PATH|_FILE)|PASSWORD|PASSWD|SECRET|CREDENTIAL|(?:^|_)PWD$|APIKEY|(?:^|_)KEY(?:$|_)/i;
/** Stands in every output where a secret would. */
export const HIDDEN = "***";

/** The environment with every secret's value replaced, and passwords taken out of URLs. */
export function redactEnv(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, SECRET.test(name) ? HIDDEN : redactText(value)]),
  );
}

/** `scheme://user:password@host`, `scheme://token@host` and `--redis-password=…` lose what may be a secret. */
export function redactText(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/)(?:([^\s:/@]*):)?[^\s:/@]+@/gi, (_, scheme: string, user?: string) =>
      user === undefined ? `${scheme}${HIDDEN}@` : `${scheme}${user}:${HIDDEN}@`,
    )
    .replace(/(--[\w-]*(?:password|token|secret)[\w-]*=)\S+/gi, `$1${HIDDEN}`);
}

/** The words of a command, safe to show. */
export function redactCommand(command: Command): string[] {
  const words = [command.file, ...command.args];
  return words.map((word, i) =>
    /^--[\w-]*(?:password|token|secret)[\w-]*$/i.test(words[i - 1] ?? "") ? HIDDEN : redactText(word),
  );
}
