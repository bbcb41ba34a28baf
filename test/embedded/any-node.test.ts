import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EmbeddedWs } from "../fixtures/cluster/embedded-ws.ts";

const cluster = new EmbeddedWs();

test("four nodes as config.yaml describes them, two of them replicas, hold every line of the checklist", async () => {
  writeFileSync(join(cluster.folder, "node.env"), "FROM_FILE=file\nBOTH=file\n");
  cluster.configure({
    ray: {
      defaults: { cpus: 1, memory: "1g", env_file: ["node.env"], environment: { BOTH: "yaml" } },
      spare: { replicas: 2, resources: { slots: 2 }, labels: { zone: "a" }, volumes: ["./data:/data"] },
    },
  });
  const up = await cluster.ws(["up"]);
  expect(up.code, up.text).toBe(0);
  expect(up.text).toContain("the embedded runtime has no containers, and leaves out volumes");
  expect(up.text).toContain(
    "4 nodes ALIVE, 4 CPUs: ray-cpu (HEAD), ray-gpu (WORKER), ray-spare-1 (WORKER), ray-spare-2 (WORKER)",
  );

  const judged = await cluster.ws(["test", "--up"]);
  expect(judged.code, judged.text).toBe(0);
  expect(judged.text).toMatch(/listed: CPU, memory, object_store_memory, slots$/m);

  const program = [
    "import os, ray; ray.init(log_to_driver=False)",
    "ask = ray.remote(lambda: (os.environ['FROM_FILE'], os.environ['BOTH']))",
    "print(ray.get(ask.options(resources={'slots': 1}, label_selector={'zone': 'a'}).remote()))",
  ];
  const shell = await cluster.ws(["shell", "ray-cpu", "--", "python", "-c", program.join("\n")]);
  expect(shell.text).toContain("('file', 'yaml')");
});
