import { short, span } from "../../common/output/units.ts";
import { type Reign, reignsOf } from "../epochs.ts";
import type { Moment } from "../picture.ts";
import { At, Foreign } from "./text.tsx";

/** So many epochs have room beside each other. */
const MAX_SHOWN = 8;

/** Who holds the lease, and who held it when. */
export function Lease(moment: Moment) {
  const { view, nowMs } = moment;
  const reigns = reignsOf(moment);
  const earlier = reigns.length - MAX_SHOWN;
  return (
    <section aria-labelledby="lease">
      <h2 id="lease">Head lease</h2>
      <p>
        <Foreign max={300}>{holderLine(view)}</Foreign>
      </p>
      {reigns.length > 0 && (
        <ol class="epochs" aria-label="Epochs, the earliest first">
          {reigns.slice(-MAX_SHOWN).map((reign) => (
            <Epoch key={reign.epoch} {...{ reign, nowMs }} />
          ))}
        </ol>
      )}
      {earlier > 0 && <p class="quiet">{earlier} earlier are among the events.</p>}
    </section>
  );
}

function holderLine({ holder, epoch, ttl }: Moment["view"]): string {
  if (holder === null)
    return epoch === 0 ? "Nobody has asked for it." : `Nobody holds it. The last epoch was ${epoch}.`;
  const cluster = holder.clusterId === null ? "" : `, cluster ${short(holder.clusterId)}`;
  const lasts = holder.expiresIn > 0 ? `It lasts ${ttl} s and is renewed every 2 s.` : "It has ended.";
  return `Epoch ${holder.epoch}: ${holder.node} at ${holder.address}${cluster}. ${lasts}`;
}

function Epoch({
  reign: { epoch, node, fromMs, toMs, why, headlessS },
  nowMs,
}: {
  reign: Reign;
  nowMs: number;
}) {
  const lasted = (toMs ?? nowMs) - fromMs;
  // A day is not a thousand times as wide as a minute.
  const grow = Math.log2(2 + Math.max(0, lasted) / 10_000);
  return (
    <>
      {headlessS !== undefined && headlessS >= 1 && (
        <li class="headless">
          <span>no HEAD</span> {span(headlessS * 1000)}
        </li>
      )}
      <li class={toMs === undefined ? "present" : ""} style={{ flexGrow: grow }}>
        <b>{epoch}</b> <Foreign max={30}>{node}</Foreign>
        <small>
          <At ms={fromMs} nowMs={nowMs} />, {span(lasted)}
          <br />
          <Foreign max={60}>{why}</Foreign>
        </small>
      </li>
    </>
  );
}
