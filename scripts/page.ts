/** Bakes src/page into one HTML text that needs no other file, and into the health service as `__PAGE__` (src/common/globals.d.ts). */
import { createHash } from "node:crypto";
import type { Options } from "tsup";

type Plugin = NonNullable<Options["esbuildPlugins"]>[number];
type Esbuild = Parameters<Plugin["setup"]>[0]["esbuild"];

export const bakedPage: Plugin = {
  name: "baked-page",
  async setup({ esbuild, initialOptions }) {
    const page = JSON.stringify(await bakePage(esbuild));
    initialOptions.define = { ...initialOptions.define, __PAGE__: page };
  },
};

/** The HTML, and the Content-Security-Policy under which it runs: its own script and style, and no other host. */
async function bakePage({ build }: Esbuild) {
  const { outputFiles } = await build({
    entryPoints: { script: "src/page/main.tsx", style: "src/page/style.css" },
    ...{ bundle: true, minify: true, write: false, outdir: "page", charset: "utf8" },
    ...{ format: "iife", target: "es2022", jsx: "automatic", jsxImportSource: "preact" },
  });
  const [script = "", style = ""] = [".js", ".css"].map(
    (end) => outputFiles.find(({ path }) => path.endsWith(end))?.text,
  );
  const html = [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Ray cluster</title>`,
    `<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">`,
    `<link rel="icon" href="${ICON}"><style>${style}</style></head>`,
    // A closing tag in a text would end the script.
    `<body><div id="page"></div><script>${script.replaceAll("</", "<\\/")}</script></body></html>\n`,
  ].join("");
  const policy = [
    ...["default-src 'none'", "connect-src 'self'", "img-src data:"],
    ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
    `script-src '${hash(script.replaceAll("</", "<\\/"))}'`,
    `style-src '${hash(style)}'`,
  ].join("; ");
  return { html, policy };
}

const hash = (text: string): string => `sha256-${createHash("sha256").update(text).digest("base64")}`;

/** Three nodes, one of which leads. */
const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M8 4 3 12h10z" fill="none" stroke="#0b7285"/><g fill="#0b7285"><circle cx="8" cy="4" r="3"/><circle cx="3" cy="12" r="2"/><circle cx="13" cy="12" r="2"/></g></svg>',
)}`;
