import { INPUT_FAILURES } from "../common/failure.ts";
import type { Members } from "../common/result.ts";

/** The ways in which the service cannot start, in words. */
const FAILURES = {
  ...INPUT_FAILURES,
  "cannot-listen": ({ host, port, code }: { host: string; port: number; code: string }) => [
    `✗ Cannot listen on ${host}:${port}: ${LISTEN_CAUSES[code] ?? code}`,
    "→ Set RAY_EP_HEALTH_HOST and RAY_EP_HEALTH_PORT (with TLS: RAY_EP_HEALTH_TLS_PORT) to an address that is free on this machine.",
  ],
  "state-unreadable": ({ file, cause }: { file: string; cause: string }) => [
    `✗ The state that was kept cannot be read: ${cause}`,
    `→ Make ${file} readable for this user. Remove it only while no HEAD runs: its epoch must not go back.`,
  ],
  "store-keys": ({ file, cause }: { file: string; cause: string }) => [
    `✗ ${file}, by which this service and its store know each other, cannot be used: ${cause}`,
    "→ Make RAY_EP_HEALTH_STORE_CA, _CERT and _KEY PEM files that this user can read, and the key that of the certificate.",
  ],
  "cluster-unusable": ({ file, cause }: { file: string; cause: string }) => [
    `✗ The cluster that is kept in ${file} cannot be used: ${cause}`,
    "→ Make its folder readable and writable for this user, or restore the file. Without it all machines have to join anew.",
  ],
};
export type ServiceFailure = Members<"reason", typeof FAILURES>;

const LISTEN_CAUSES: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use",
  EADDRNOTAVAIL: "this machine does not have that address",
  EACCES: "this user may not listen on that port",
  ENOTFOUND: "the name does not resolve",
  EAI_AGAIN: "the name does not resolve",
};

/** As sysexits.h has them: EX_CONFIG, EX_UNAVAILABLE, EX_IOERR. A requested stop is 0. */
export const EXIT_CODES: Readonly<Record<ServiceFailure["reason"], number>> = {
  "bad-command-line": 78,
  "bad-configuration": 78,
  "cannot-listen": 69,
  "state-unreadable": 74,
  "cluster-unusable": 74,
  "store-keys": 74,
};

export const renderFailure = (failure: ServiceFailure): string[] =>
  (FAILURES[failure.reason] as (failure: ServiceFailure) => string[])(failure);
