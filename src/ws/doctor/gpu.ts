import type { Settings } from "../config/settings.ts";
import type { DockerFacts, MachineFacts } from "./facts.ts";
import { bad, type Finding, good } from "./finding.ts";

const topic = "GPU";

/** Whether the nodes that want GPUs get what config.yaml says, or what the machine has. */
export function gpu(
  { hostHasGpu, nodes }: Settings,
  { host }: MachineFacts,
  docker: DockerFacts | undefined,
): Finding {
  const names = nodes.filter((node) => node.gpu).map(({ name }) => name);
  const run = names.length === 1 ? "runs" : "run";
  const without = names.length === 0 ? "no node wants one" : `${names.join(" and ")} ${run} without one`;
  if (hostHasGpu === true && !host.hasGpu)
    return bad(
      topic,
      `host.has_gpu is true, and no NVIDIA GPU was found: ${without}`,
      "Install the driver and the container toolkit, or set it to false.",
    );
  if (!host.hasGpu) return good(topic, `none: ${without}`);
  const wanted = hostHasGpu !== false && names.length > 0;
  if (wanted && docker?.gpuToolkit === false)
    return bad(
      topic,
      "an NVIDIA GPU, and the engine cannot give it to containers: there is no NVIDIA container toolkit",
      "Install nvidia-container-toolkit and run `nvidia-ctk runtime configure --runtime=docker`, or set host.has_gpu: false.",
    );
  return good(topic, wanted ? "an NVIDIA GPU" : "an NVIDIA GPU, which no container gets");
}
