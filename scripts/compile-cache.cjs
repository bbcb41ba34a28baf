// Required before ws, so that Node compiles that from V8's own form of it: it starts a tenth of a second sooner.
require("node:module").enableCompileCache?.(`${__dirname}/../dist/.cache`);
