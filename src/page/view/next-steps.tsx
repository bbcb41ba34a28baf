import { nextOf } from "../next.ts";
import type { Moment } from "../picture.ts";

/** What to type next, on a machine of the cluster. */
export const NextSteps = (moment: Moment) => (
  <section aria-labelledby="next">
    <h2 id="next">What to type next</h2>
    <dl class="next">
      {nextOf(moment).map(({ type, why }) => (
        <div key={type}>
          <dt>{why}</dt>
          <dd>
            <code>{type}</code>
          </dd>
        </div>
      ))}
    </dl>
  </section>
);
