import type { TokenMade } from "../../../common/protocol/join-protocol.ts";

export const TOKEN_EXPIRES_S = 3600;

/** The line that is typed on another machine, and until when. Pure. */
export const joinLines = ({ token, expiresAt }: TokenMade, ws: string): string[] => [
  `→ On each other machine, until ${expiresAt}:`,
  `  ${ws} join ${token}`,
];
