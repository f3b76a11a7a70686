/** Users of an htpasswd file with their groups. */
import { createHash } from "node:crypto";
import type { PasswordSource, Standing } from "../password_source.ts";
import type { Groups } from "../rules/groups.ts";
import type { Identity } from "../types.ts";
import type { HtpasswdUsers } from "./htpasswd_users.ts";

export class HtpasswdSource implements PasswordSource {
  readonly #users: HtpasswdUsers;
  readonly #groups: Groups;

  constructor(users: HtpasswdUsers, groups: Groups) {
    this.#users = users;
    this.#groups = groups;
  }

  async identify(user: string, password: string): Promise<Identity | undefined> {
    if (!(await this.#users.check(user, password))) return undefined;
    return { user, groups: await this.#groups.of(user) };
  }

  async standing(user: string): Promise<Standing | undefined> {
    const hash = await this.#users.hashOf(user);
    if (hash === undefined) return undefined;
    const stamp = createHash("sha256").update(hash).digest("base64url").slice(0, 22);
    return { identity: { user, groups: await this.#groups.of(user) }, stamp };
  }
}
