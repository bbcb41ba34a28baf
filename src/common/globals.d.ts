/** The version in package.json, put in place by the bundler. */
declare const __VERSION__: string;
/** The page of the health service and the policy under which it runs, baked by the bundler (scripts/page.ts). */
declare const __PAGE__: { readonly html: string; readonly policy: string };
