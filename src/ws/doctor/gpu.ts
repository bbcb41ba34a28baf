import type { Settings } from "../settings.ts";
import type { DockerFacts, MachineFacts } from "./facts.ts";
import { bad, type Finding, good } from "./finding.ts";

const topic = "GPU";

/** Whether ray-gpu gets what config.yaml wants for it, or what the machine has. */
export function gpu(
  { hostHasGpu, nodes }: Settings,
  { host }: MachineFacts,
  docker: DockerFacts | undefined,
): Finding {
  if (hostHasGpu === true && !host.hasGpu)
    return bad(
      topic,
      "host.has_gpu is true, and no NVIDIA GPU was found: ray-gpu runs without one",
      "Install the driver and the container toolkit, or set it to false.",
    );
  if (!host.hasGpu) return good(topic, "none: ray-gpu runs without one");
  const wanted = hostHasGpu !== false && nodes.some(({ name }) => name === "ray-gpu");
  if (wanted && docker?.gpuToolkit === false)
    return bad(
      topic,
      "an NVIDIA GPU, and the engine cannot give it to containers: there is no NVIDIA container toolkit",
      "Install nvidia-container-toolkit and run `nvidia-ctk runtime configure --runtime=docker`, or set host.has_gpu: false.",
    );
  return good(topic, wanted ? "an NVIDIA GPU" : "an NVIDIA GPU, which no container gets");
}
