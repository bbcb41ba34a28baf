import { useState } from "preact/hooks";
import { eventWords } from "../../common/output/event-words.ts";
import type { Moment } from "../picture.ts";
import { At, Foreign } from "./text.tsx";

const MAX_SHOWN = 12;

/** What happened, the latest first. */
export function Events({ events, nowMs }: Moment) {
  const [all, setAll] = useState(false);
  const shown = events.toReversed().slice(0, all ? undefined : MAX_SHOWN);
  return (
    <section aria-labelledby="events">
      <h2 id="events">Events</h2>
      {events.length === 0 && <p class="quiet">Nothing has happened yet.</p>}
      <ol class="events">
        {shown.map((event) => (
          <li key={event.id} class={event.kind}>
            <At ms={event.at} nowMs={nowMs} />{" "}
            <span>
              <b>
                <Foreign max={40}>{event.node}</Foreign>
              </b>{" "}
              <Foreign max={240}>{eventWords(event)}</Foreign>
            </span>
          </li>
        ))}
      </ol>
      {events.length > MAX_SHOWN && (
        <button type="button" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "Show the latest" : `Show all ${events.length}`}
        </button>
      )}
    </section>
  );
}
