import { useEffect, useMemo, useState } from "preact/hooks";
import { Ask } from "./ask.tsx";
import { Events } from "./events.tsx";
import { Lease } from "./lease.tsx";
import { NextSteps } from "./next-steps.tsx";
import { Nodes } from "./nodes.tsx";
import type { Moment, Picture } from "./picture.ts";
import { sentenceOf } from "./sentence.ts";
import { Source } from "./source.ts";
import { Foreign } from "./text.tsx";
import { clock, span } from "./time.ts";

/** The whole page. */
export function App() {
  const [picture, setPicture] = useState<Picture>();
  const [nowMs, setNowMs] = useState(Date.now());
  const source = useMemo(() => new Source(setPicture), []);
  useEffect(() => {
    void source.run();
    const timer = setInterval(() => setNowMs(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [source]);
  if (picture === undefined) return null;
  const { link, view, events, atMs, aheadMs } = picture;
  if (link.kind === "asks") return <Ask why={link.why} onOpen={() => source.retry()} />;
  // What was last heard stays as it was.
  const frozen = link.kind === "gone";
  const now = Math.max(atMs, frozen ? link.sinceMs + aheadMs : nowMs + aheadMs);
  const moment = view && { view, atMs, events, nowMs: now };
  return (
    <main class={frozen ? "gone" : ""}>
      <Header picture={picture} moment={moment} nowMs={nowMs} />
      {moment && (
        <>
          <Nodes {...moment} />
          <Lease {...moment} />
          <div class="pair">
            <Events {...moment} />
            <NextSteps {...moment} />
          </div>
          <footer>
            <Foreign>{`Health service ${moment.view.version}, up ${span(moment.view.uptime * 1000 + now - atMs)}`}</Foreign>
          </footer>
        </>
      )}
    </main>
  );
}

function Header({
  picture: { link },
  moment,
  nowMs,
}: {
  picture: Picture;
  moment: Moment | undefined;
  nowMs: number;
}) {
  const said = moment && sentenceOf(moment);
  const gone =
    link.kind === "gone" ? `The health service is gone since ${clock(link.sinceMs, nowMs)}` : undefined;
  const sentence = said?.text ?? (gone === undefined ? "Looking at the cluster …" : "");
  return (
    <header>
      <p class={`link ${link.kind}`}>
        <span class="dot" aria-hidden="true" />{" "}
        {gone === undefined ? (link.kind === "live" ? "Live" : "Opening") : "Gone"}
      </p>
      {gone !== undefined && (
        <p class="notice">
          {gone} ({span(nowMs - (link.kind === "gone" ? link.sinceMs : 0))}):{" "}
          <Foreign>{link.kind === "gone" ? link.why : ""}</Foreign>. This page shows what it said last, and
          looks for it.
        </p>
      )}
      <h1>
        <Foreign max={1000}>{sentence}</Foreign>
      </h1>
      <p class="unseen" role="status">
        {gone ?? <Foreign max={1000}>{said?.news ?? ""}</Foreign>}
      </p>
    </header>
  );
}
