/**
 * The Ray nodes of a cluster and what each is where config.yaml does not say otherwise, by its key below `services.ray`.
 * Candidates, addresses and computed ports follow their order. A node more in every cluster is an entry more here.
 */
export const RAY_NODES = [
  {
    key: "cpu",
    name: "ray-cpu",
    gpu: false,
    image: "rayproject/ray:latest",
    headPort: 6379,
    dashboardPort: 8265,
    clientPort: 10001,
  },
  {
    key: "gpu",
    name: "ray-gpu",
    gpu: true,
    image: "rayproject/ray:latest-gpu",
    headPort: 6380,
    dashboardPort: 8266,
    clientPort: 10002,
  },
] as const;

/** Names that docs/specification.md fixes: each is the hostname of its container. */
export const HEALTH_NAME = "health";
/** The port in its own network, whatever port it has on the host. */
export const HEALTH_PORT = 8080;
export const TEST_WORKER_NAME = "test-ray-worker";
export const TEST_CLIENT_NAME = "test-ray-client";
