import { useEffect, useState } from "preact/hooks";
import { visible } from "../../common/output/shown.ts";
import type { NodeLines } from "../../common/protocol/events-protocol.ts";

const EVERY_MS = 2000;

/** The last lines that a node's entrypoint wrote, as the health service heard them. */
export function Log({ node }: { node: string }) {
  const [lines, setLines] = useState<readonly string[]>();
  useEffect(() => {
    const read = async () => {
      try {
        const answer = await fetch(`/v1/nodes/${encodeURIComponent(node)}/log`);
        if (answer.ok) setLines(((await answer.json()) as NodeLines).lines);
      } catch {
        // The page says that the service is gone; what was read stays.
      }
    };
    void read();
    const timer = setInterval(read, EVERY_MS);
    return () => clearInterval(timer);
  }, [node]);
  return (
    <section aria-label={`Last lines of ${node}`}>
      <pre>{lines?.length ? lines.map(visible).join("\n") : lines ? "It has sent no line." : "…"}</pre>
    </section>
  );
}
