/**
 * The part of the Compose specification that we write: what `docker compose` (v2 and later) and docker-compose 1.29 both
 * load. 1.29 knows neither a top-level `name` nor `start_interval`, and wants no `version`.
 */
export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, ComposeNetwork>>;
  readonly volumes?: Readonly<Record<string, { readonly name: string; readonly labels: Labels }>> | undefined;
}

export type Labels = Readonly<Record<string, string>>;

export interface ComposeService {
  readonly image: string;
  readonly build: ComposeBuild;
  readonly container_name: string;
  readonly hostname: string;
  readonly command?: readonly string[];
  /** Null: as compose itself has it in its environment, and unset where it has not. */
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: "service_healthy" }>> | undefined;
  readonly networks: Readonly<
    Record<string, { readonly ipv4_address: string; readonly aliases?: readonly string[] | undefined }>
  >;
  readonly extra_hosts?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: Healthcheck;
  readonly logging: Logging;
  readonly init: boolean;
  readonly stop_grace_period: string;
  readonly restart: "unless-stopped" | "no";
  readonly cpus?: number;
  readonly mem_limit?: string;
  readonly shm_size?: string;
  readonly deploy?: GpuReservation | undefined;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly labels: Labels;
}

export interface ComposeBuild {
  readonly context: string;
  readonly dockerfile: string;
  readonly args?: Readonly<Record<string, string>>;
  readonly labels: Labels;
}

/** Without `test`: what is asked stands in the image, beside the program that answers. */
export interface Healthcheck {
  readonly interval: string;
  readonly timeout: string;
  readonly retries: number;
  readonly start_period: string;
}

export interface Logging {
  readonly driver: "json-file";
  readonly options: Readonly<Record<string, string>>;
}

interface GpuReservation {
  readonly resources: {
    readonly reservations: {
      readonly devices: readonly {
        readonly driver: string;
        readonly count: "all";
        readonly capabilities: readonly string[];
      }[];
    };
  };
}

interface ComposeNetwork {
  readonly name: string;
  readonly driver: "bridge";
  readonly ipam: { readonly config: readonly { readonly subnet: string }[] };
  readonly labels: Labels;
}
