import { render } from "preact";
import { beginSession } from "./source.ts";
import { App } from "./view/app.tsx";

/** `ws open` puts a code into the fragment, which no server and no referrer sees, that is good for one session. */
async function takeCode(): Promise<void> {
  const code = /^#code=([\w-]+)$/.exec(location.hash)?.[1];
  if (code === undefined) return;
  history.replaceState(null, "", "/");
  await beginSession(code);
}

const root = document.getElementById("page");
if (root !== null) void takeCode().then(() => render(<App />, root));
