// Required before the entrypoint, so that Node starts it from what V8 made of it while the image was built: a decision comes a
// seventh sooner (bench/decide.ts). Node's own compile cache keeps no function that has not run yet, and checks who owns it.
// Run by itself, as compile.sh does, it makes that. What does not fit this V8, its flags or the entrypoint is left alone.
const { copyFileSync, readFileSync, writeFileSync } = require("node:fs");
const Module = require("node:module");
const { Script } = require("node:vm");

const entrypoint = `${__dirname}/entrypoint.js`;
const copy = `${__dirname}/cache/entrypoint.js`;
const code = `${__dirname}/cache/entrypoint.v8`;

const scriptOf = (text, cachedData) => new Script(Module.wrap(text), { filename: entrypoint, cachedData });

function make() {
  const { setFlagsFromString } = require("node:v8");
  setFlagsFromString("--no-lazy");
  const script = scriptOf(readFileSync(entrypoint, "utf8"));
  // The cache is for a V8 with the flags of its moment.
  setFlagsFromString("--lazy");
  writeFileSync(code, script.createCachedData());
  copyFileSync(entrypoint, copy);
}

/** V8 itself compares no more than the length of the text. */
function kept() {
  try {
    return readFileSync(copy).equals(readFileSync(entrypoint)) ? readFileSync(code) : undefined;
  } catch {
    return undefined;
  }
}

function use() {
  const { _compile: compile } = Module.prototype;
  Module.prototype._compile = function (text, filename, ...rest) {
    const cachedData = filename === entrypoint ? kept() : undefined;
    if (cachedData === undefined) return compile.call(this, text, filename, ...rest);
    const run = scriptOf(text, cachedData).runInThisContext();
    const { exports } = this;
    return run.call(exports, exports, Module.createRequire(filename), this, filename, __dirname);
  };
}

if (require.main === module) make();
else use();
