import * as z from "zod/mini";
import { Text } from "./from-outside.ts";

/**
 * Body of `POST /v1/session`, which a page of the same origin may send: what is presented elsewhere as a bearer (the health token, or
 * NAME:CREDENTIAL of a member), or the code of `ws open`. 204 with a cookie, which is good for reads alone.
 */
export const SessionRequest = z.object({ token: Text });
export type SessionRequest = z.infer<typeof SessionRequest>;

/** How long a page may read before it has to ask again. */
export const SESSION_S = 12 * 3600;

/** The cookie of a session. It is kept from scripts, and sent by pages of the same site alone. */
export const sessionCookie = (name: string, id: string, secure: boolean): string =>
  `${name}=${id}; Path=/; Max-Age=${SESSION_S}; HttpOnly; SameSite=Strict${secure ? "; Secure" : ""}`;

/** The value of the cookie of that name (a word of letters and dashes) in a Cookie header. */
export const cookieIn = (header = "", name = ""): string | undefined =>
  new RegExp(`(?:^|;\\s*)${name}=([\\w-]+)`).exec(header)?.[1];
