import { useEffect, useMemo, useState } from "preact/hooks";
import { span } from "../../common/output/units.ts";
import type { Moment, Picture } from "../picture.ts";
import { sentenceOf } from "../sentence.ts";
import { Source } from "../source.ts";
import { clock } from "../time.ts";
import { Ask } from "./ask.tsx";
import { Events } from "./events.tsx";
import { Lease } from "./lease.tsx";
import { NextSteps } from "./next-steps.tsx";
import { Nodes } from "./nodes.tsx";
import { Foreign } from "./text.tsx";

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
  // By the service's clock.
  const heardMs = atMs + aheadMs;
  const now = Math.max(heardMs, (frozen ? link.sinceMs : nowMs) + aheadMs);
  const moment = view && { view, events, atMs: heardMs, nowMs: now };
  return (
    <main class={frozen ? "gone" : ""}>
      <Header link={link} moment={moment} nowMs={nowMs} />
      {moment && (
        <>
          <Nodes {...moment} />
          <Lease {...moment} />
          <div class="pair">
            <Events {...moment} />
            <NextSteps {...moment} />
          </div>
          <footer>
            <Foreign>{`Health service ${moment.view.version}, up ${span(moment.view.uptime * 1000 + now - heardMs)}`}</Foreign>
          </footer>
        </>
      )}
    </main>
  );
}

interface HeaderProps {
  readonly link: Picture["link"];
  readonly moment: Moment | undefined;
  readonly nowMs: number;
}

/** The sentence, and where the service is gone since when. Who listens hears what is new, and no running times. */
function Header({ link, moment, nowMs }: HeaderProps) {
  const said = moment && sentenceOf(moment);
  const gone = link.kind === "gone" ? link : undefined;
  const since = gone && `The health service has been gone since ${clock(gone.sinceMs, nowMs)}`;
  return (
    <header>
      <p class={`link ${link.kind}`}>
        <span class="dot" aria-hidden="true" />
        {{ opening: "Opening", live: "Live", gone: "Gone", asks: "" }[link.kind]}
      </p>
      {gone && (
        <p class="notice">
          {since}, for {span(nowMs - gone.sinceMs)}: <Foreign>{gone.why}</Foreign>.{" "}
          {moment ? "Below is what it said last. " : ""}This page goes on looking for it.
        </p>
      )}
      <h1>
        <Foreign max={400}>
          {said?.lead ?? (gone ? "The cluster is out of sight." : "Looking at the cluster …")}
        </Foreign>
        {said?.troubles.map((trouble) => (
          <span key={trouble} class="trouble">
            <Foreign max={300}>{trouble}</Foreign>
          </span>
        ))}
      </h1>
      <p class="unseen" role="status">
        <Foreign max={1000}>{since ?? said?.news ?? ""}</Foreign>
      </p>
    </header>
  );
}
