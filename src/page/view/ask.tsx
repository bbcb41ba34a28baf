import { useState } from "preact/hooks";
import { beginSession } from "../source.ts";
import { Foreign } from "./text.tsx";

/** Asks for the token once. It is sent to this service alone, and not kept by the page. */
export function Ask({ why, onOpen }: { why: string; onOpen: () => void }) {
  const [problem, setProblem] = useState<string>();
  const submit = async (event: Event) => {
    event.preventDefault();
    const input = (event.target as HTMLFormElement).elements.namedItem("token") as HTMLInputElement;
    const refused = await beginSession(input.value.trim());
    setProblem(refused);
    if (refused === undefined) onOpen();
  };
  return (
    <main class="ask">
      <h1>This cluster shows itself to those who have its token</h1>
      <form onSubmit={submit}>
        <label for="token">Health token, or NAME:CREDENTIAL of a member</label>
        <div class="field">
          <input id="token" name="token" type="password" autocomplete="off" required aria-describedby="why" />
          <button type="submit">Open</button>
        </div>
        <p id="why" role="status" class={problem === undefined ? "" : "bad"}>
          <Foreign max={400}>{problem ?? why}</Foreign>
        </p>
        <p>
          Or type <code>./ws open</code> on a machine of the cluster: it needs no token here.
        </p>
      </form>
    </main>
  );
}
