/** One thing that was looked at. `note`: it works, and one should know. */
export interface Finding {
  readonly topic: string;
  readonly state: "good" | "note" | "bad";
  readonly saw: string;
  /** What to change; empty where nothing has to. */
  readonly fix: string;
}

export const good = (topic: string, saw: string): Finding => ({ topic, state: "good", saw, fix: "" });
export const note = (topic: string, saw: string, fix = ""): Finding => ({ topic, state: "note", saw, fix });
export const bad = (topic: string, saw: string, fix: string): Finding => ({ topic, state: "bad", saw, fix });

export const ASK_AGAIN = "Check that docker ps works, then run ws doctor again.";
