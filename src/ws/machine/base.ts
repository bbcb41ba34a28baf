import * as z from "zod/mini";
import { sha256 } from "../../common/digest.ts";
import type { Problem } from "../../common/failure.ts";
import { short } from "../../common/output/units.ts";
import { type BaseImage, FirstBase } from "../../common/protocol/join-protocol.ts";
import { attempt } from "../../common/result.ts";
import type { RunCommand } from "../drivers/compose/engine.ts";
import type { Driver } from "../drivers/driver.ts";
import { type Terminal, warn } from "../output/terminal.ts";

/** Says where this machine's image is not that of the cluster's first member; nothing where this machine is no member. */
export async function warnOfImages(terminal: Terminal, { compareBase }: Driver): Promise<void> {
  const differing = (await compareBase?.()) ?? [];
  warn(terminal, "Images of this cluster's machines that are not the same", differing);
}

/** An image with what it consists of; undefined where the engine does not have it. */
async function look(docker: RunCommand, image: string): Promise<BaseImage | undefined> {
  const answer = await docker(["image", "inspect", "--format", "{{json .RootFS.Layers}}", image]);
  const layers = answer.ok ? attempt(() => z.array(z.string()).parse(JSON.parse(answer.value))) : undefined;
  return layers && { image, layers: sha256(layers.join()) };
}

/** Tells the cluster which image this machine's is made from; what differs from the first member's. Nothing where nobody answers. */
export async function compareBase(
  docker: RunCommand,
  image: string,
  cluster: NonNullable<Driver["cluster"]>,
): Promise<Problem[]> {
  const own = await look(docker, image);
  const answer = own && (await (await cluster())?.ask("POST", "/v1/base", own));
  const told = answer?.ok ? attempt(() => FirstBase.parse(JSON.parse(answer.value.body))) : undefined;
  return own && told?.first ? judgeBase(own, told.first) : [];
}

/** Ray and Python are the same by then. Pure. */
function judgeBase(own: BaseImage, first: NonNullable<FirstBase["first"]>): Problem[] {
  if (own.layers === first.layers) return [];
  return [
    {
      where: "Image",
      problem: `this machine's node is made from ${shown(own)}, that of ${first.member} from ${shown(first)}: other packages may differ`,
      fix: `To have the same: on ${first.member} docker save ${first.image} > ray.tar, here docker load < ray.tar, then ws leave and ws join TOKEN --image ${first.image}`,
    },
  ];
}

const shown = ({ image, layers }: BaseImage): string => `${image} (layers ${short(layers)})`;
