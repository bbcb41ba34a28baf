// Required before the entrypoint, so that Node compiles that from V8's own form of it, which compile.sh made while the image
// was built (nodejs.org/api/module.html, module.enableCompileCache): a decision comes a tenth sooner (bench/decide.ts).
// A form that does not fit this Node, this bundle or this user is left alone.
require("node:module").enableCompileCache(`${__dirname}/cache`);
