/** What one fact means. `note`: it works, but the user should know. */
export interface Said {
  readonly state: "good" | "note" | "bad";
  readonly saw: string;
  /** What to change; empty if nothing. */
  readonly fix: string;
}

export interface Finding extends Said {
  readonly topic: string;
}

export const good = (saw: string): Said => ({ state: "good", saw, fix: "" });
export const note = (saw: string, fix = ""): Said => ({ state: "note", saw, fix });
export const bad = (saw: string, fix: string): Said => ({ state: "bad", saw, fix });

export const ASK_AGAIN = "Check that docker ps works, then run ws doctor again.";
