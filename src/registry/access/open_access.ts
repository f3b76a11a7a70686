/** The two controllers that check nothing. */
import { refuseBearer } from "./challenge.ts";
import type { AccessController, Identity } from "./types.ts";

/** Nobody in particular. */
export const anonymous: Identity = { user: undefined, groups: [] };

/** Everybody may do everything. */
export const openAccess: AccessController = { authorize: () => Promise.resolve(anonymous) };

/** distribution's `silly`, for developing clients: asks for an `Authorization` header and takes any. */
export function sillyAccess(realm: string, service: string): AccessController {
  return {
    async authorize({ request, needed }) {
      if (request.headers.authorization === undefined) throw refuseBearer({ realm, service }, needed);
      return { user: "silly", groups: [] };
    },
  };
}
