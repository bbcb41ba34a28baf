/** The version in package.json, put in place by the bundler. */
declare const __VERSION__: string;
