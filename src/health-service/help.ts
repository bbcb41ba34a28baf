import { VARIABLES } from "./config.ts";

/** What --help prints. */
export function helpText(version: string): string {
  const width = Math.max(...Object.keys(VARIABLES).map((name) => name.length));
  const settings = Object.entries(VARIABLES).map(
    ([name, { meaning, fallback }]) =>
      `  ${name.padEnd(width)}  ${meaning}${fallback === null ? "" : ` (default: ${fallback})`}`,
  );
  return `Health service for Ray clusters ${version}: answers GET / with 200 OK and keeps the head lease.

Usage: node health-server.js [--help | --version]

Settings (environment variables; none is needed):
${settings.join("\n")}

Paths:
  GET /              200 OK
  GET /v1/cluster    the head lease and the nodes that reported lately
  GET /v1/head       the head lease alone, as nodes read it
  PUT /v1/head       ask for the head lease, or renew it
  DELETE /v1/head    release it
  PUT /v1/nodes/NAME what a node says of itself
  POST /v1/reach     dial a node back, to see whether it can be reached
  GET /metrics       numbers for Prometheus

Exit codes: 0 a requested stop (SIGTERM, SIGINT, SIGQUIT); 69 the address cannot be listened on;
74 the kept state cannot be read; 78 a wrong setting.
`;
}
