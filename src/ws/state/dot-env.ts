/** One assignment, after blanks or a byte order mark; text after a quoted value is a comment. */
const ASSIGNMENT =
  /^\s*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*(?:'([^']*)'|"((?:\\[\s\S]|[^"\\])*)"|([^\r\n]*))/gm;

/**
 * The variables of a `.env` file, as compose reads it (Docker Compose 2 and later, "Interpolation"). Variables in values
 * are earlier ones or those of `outer`. Pure.
 */
export function parseDotEnv(
  text: string,
  outer: Readonly<Record<string, string | undefined>> = {},
): Record<string, string> {
  const found: Record<string, string> = {};
  const expand = (value: string) =>
    value.replaceAll(
      /\\\$|\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))/g,
      (all, braced?: string, fallback = "", bare?: string) => {
        const name = braced ?? bare;
        return name === undefined ? all.slice(1) : outer[name] || found[name] || fallback;
      },
    );
  for (const [, name = "", single, double, plain = ""] of text.matchAll(ASSIGNMENT))
    found[name] = single ?? expand(double === undefined ? uncommented(plain) : unescaped(double));
  return found;
}

const uncommented = (text: string): string => text.replace(/(?:^|\s)#.*$/, "").trim();

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** `\$` is kept for the expansion. */
const unescaped = (text: string): string =>
  text.replaceAll(/\\([^$])/g, (_, mark: string) => ESCAPES[mark] ?? mark);
