"""Moves an object of 32 MB from each node of the cluster to each other one, and prints how many arrived whole."""
import itertools
import zlib

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

SIZE = 32 << 20
ray.init(address="auto", logging_level="error")


def on(node):
    return {"num_cpus": 0, "scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False)}


@ray.remote
def make(byte):
    return bytes([byte]) * SIZE


@ray.remote
def check(whole):
    return zlib.crc32(whole)


nodes = sorted(node["NodeID"] for node in ray.nodes() if node["Alive"])
arrived = 0
for number, (source, target) in enumerate(itertools.permutations(nodes, 2)):
    made = make.options(**on(source)).remote(number)
    arrived += ray.get(check.options(**on(target)).remote(made)) == zlib.crc32(bytes([number]) * SIZE)
print("arrived:", arrived, "between", len(nodes), "nodes", flush=True)
