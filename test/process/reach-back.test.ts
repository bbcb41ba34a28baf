import { expect, test } from "vitest";
import { freePorts } from "../fixtures/cluster/free-ports.ts";
import { eachRig } from "../fixtures/each-rig.ts";

const rig = eachRig();

test("a node that others reach at its fixed port says so before it joins", async () => {
  await rig.health();
  const port = await freePorts(1);
  const node = rig.node("ray-cpu", { NODE_MANAGER_PORT: String(port), NODE_IP_ADDRESS: rig.host("ray-cpu") });
  await node.says("✓ Ray cluster is ready!");
  expect(node.stdout).toContain(`✓ Others reach this node at ${rig.host("ray-cpu")}:${port}`);
});

test("a name that the others do not know is an error that says which line is missing", async () => {
  await rig.health();
  const port = await freePorts(1);
  const node = rig.node("ray-cpu", { NODE_MANAGER_PORT: String(port), NODE_IP_ADDRESS: "nowhere.invalid" });
  await node.says("✗ Others cannot reach this node at nowhere.invalid");
  await node.says("Add this node's name with the host's address to `extra_hosts`");
});

test("a port that another program has is named", async () => {
  await rig.health();
  const node = rig.node("ray-cpu", {
    NODE_MANAGER_PORT: "8080",
    NODE_IP_ADDRESS: rig.host("ray-cpu"),
  });
  await node.says("this node cannot listen on it: EADDRINUSE");
});
