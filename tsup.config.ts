import { readFileSync } from "node:fs";
import { defineConfig } from "tsup";
import { bakedPage } from "./scripts/page.ts";

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };

// Plain ES5, because it must run on the Node that is too old for the rest of the file.
const refuseOldNode = `if (parseInt(process.versions.node, 10) < 22) {
  process.stderr.write("✗ This program needs Node 22 or later, got " + process.versions.node + ". → Install Node 24 (LTS), or run it as: npx node@24 <file>\\n");
  process.exit(78);
}`;

export default defineConfig({
  entry: {
    entrypoint: "src/entrypoint/main.ts",
    "health-server": "src/health-service/main.ts",
    ws: "src/ws/main.ts",
  },
  format: ["cjs"],
  // Old enough that Node 16 to 20 can parse the file and so reach the message above.
  target: "es2022",
  platform: "node",
  // A bundle holds everything it needs: it is copied into images alone.
  noExternal: [/.*/],
  splitting: false,
  minify: true,
  clean: true,
  banner: { js: refuseOldNode },
  define: { __VERSION__: JSON.stringify(version) },
  esbuildPlugins: [bakedPage],
  esbuildOptions: (options) => {
    // Node's own modules by require, as all else in a bundle: import() would load Node's other loader first.
    options.supported = { "dynamic-import": false };
  },
});
