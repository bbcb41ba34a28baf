import { hidden, shown } from "../../common/output/shown.ts";
import { CONTRACT } from "../config/variables.ts";
import type { Command } from "../ray/command.ts";

const words = (text: string): string[] => text.trim().split(/\s+/);

/**
 * The variables whose values are shown because they are known to be harmless. A list of secret ones would miss the
 * user's own.
 */
const HARMLESS = new Set<string>([
  ...CONTRACT.flatMap(([name, { secret }]) => (secret ? [] : [name])),
  ...words(`
    HOME USER LOGNAME SHELL PATH LANG LC_ALL TZ TMPDIR CUDA_VISIBLE_DEVICES NVIDIA_VISIBLE_DEVICES
    RAY_AUTH_MODE RAY_USE_TLS RAY_TMPDIR RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S RAY_gcs_storage RAY_gcs_storage_path
    RAY_external_storage_namespace RAY_gcs_rpc_server_reconnect_timeout_s`),
]);

const options = (names: string): Set<string> => new Set(words(names).map((name) => `--${name}`));

/** Options of `ray start` (scripts/scripts.py, 2.40 to 2.60) whose values are known to be harmless. */
const HARMLESS_OPTIONS = options(`
  port node-name node-ip-address node-manager-port object-manager-port min-worker-port max-worker-port worker-port-list
  num-cpus num-gpus memory object-store-memory resources labels temp-dir plasma-directory object-spilling-directory
  include-dashboard dashboard-host dashboard-port dashboard-agent-listen-port dashboard-agent-grpc-port
  runtime-env-agent-port metrics-export-port ray-client-server-port include-log-monitor log-style log-color`);
/** Those that take no value. */
const FLAGS = options(`
  head block verbose no-monitor no-redirect-output disable-usage-stats ray-debugger-external
  enable-resource-isolation enable-object-reconstruction`);

/** The environment; only harmless values are shown. */
export function redactEnv(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, HARMLESS.has(name) ? shown(value) : hidden(value)]),
  );
}

/**
 * A command, safe to show: of an option that the user gave and that is not known to be harmless, only the name is
 * shown.
 */
export function redactCommand({ file, args, foreign }: Command): string[] {
  const ours = args.length - foreign;
  let pending: string | undefined;
  const theirs = args.slice(ours).map((word) => {
    const option = pending;
    const [, name, value] = /^(--[a-z][a-z-]*)(?:=(.*))?$/is.exec(word) ?? [];
    const isName = option === undefined && name !== undefined;
    pending = isName && value === undefined && !FLAGS.has(name) ? name : undefined;
    if (!isName) return redactValue(option, word);
    return value === undefined ? word : `${name}=${redactValue(name, value)}`;
  });
  return [file, ...args.slice(0, ours), ...theirs];
}

/** What begins like an option is no value: one was forgotten before it. */
const redactValue = (option: string | undefined, value: string): string =>
  option !== undefined && HARMLESS_OPTIONS.has(option) && !value.startsWith("--")
    ? shown(value)
    : hidden(value);
