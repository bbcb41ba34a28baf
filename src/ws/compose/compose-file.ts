/**
 * The part of the Compose specification that we write: what `docker compose` (v2 and later) and docker-compose 1.29 both
 * load. 1.29 knows neither a top-level `name` nor `start_interval`, and wants no `version`. What is undefined is left out.
 */
export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, ComposeNetwork>>;
  readonly volumes?: Readonly<Record<string, { readonly name: string; readonly labels: Labels }>> | undefined;
}

export type Labels = Readonly<Record<string, string>>;

export interface ComposeService extends OwnParts {
  readonly container_name: string;
  readonly hostname: string;
  readonly networks: Readonly<
    Record<string, { readonly ipv4_address: string; readonly aliases?: readonly string[] | undefined }>
  >;
  readonly extra_hosts: readonly string[];
  readonly logging: { readonly driver: "json-file"; readonly options: Readonly<Record<string, string>> };
  readonly init: boolean;
  readonly restart: "unless-stopped" | "no";
  readonly labels: Labels;
}

/** What differs from service to service. */
export interface OwnParts extends Optional<MayBeOwn> {
  readonly image: string;
  readonly build: {
    readonly context: string;
    readonly dockerfile: string;
    readonly args?: Readonly<Record<string, string>>;
    readonly labels: Labels;
  };
  readonly stop_grace_period: string;
}

type Optional<T> = { readonly [Key in keyof T]?: T[Key] | undefined };

interface MayBeOwn {
  command: readonly string[];
  /** Null: as compose itself has it in its environment, and unset where it has not. */
  environment: Readonly<Record<string, string | null>>;
  depends_on: Readonly<Record<string, { readonly condition: "service_healthy" }>>;
  ports: readonly string[];
  volumes: readonly string[];
  /** Without `test`: what is asked stands in the image, beside the program that answers. */
  healthcheck: { interval: string; timeout: string; retries: number; start_period: string };
  cpus: number;
  mem_limit: string;
  shm_size: string;
  deploy: { resources: { reservations: { devices: readonly Readonly<Record<string, unknown>>[] } } };
  read_only: boolean;
  cap_drop: readonly string[];
  security_opt: readonly string[];
}

export interface ComposeNetwork {
  readonly name: string;
  readonly driver: "bridge";
  readonly ipam: { readonly config: readonly { readonly subnet: string }[] };
  readonly labels: Labels;
}
