import type { Identity } from "./types.ts";

/** Knows who has which password. */
export interface PasswordSource {
  /** Undefined: there is no such user, or it is not his password. */
  identify(user: string, password: string): Promise<Identity | undefined>;
  /**
   * Who this user is now, without a password, and a text that changes with his password. Undefined: he is not one of
   * those who can stay logged in, or no longer.
   */
  standing(user: string): Promise<Standing | undefined>;
}

export interface Standing {
  readonly identity: Identity;
  /** Tells nothing about the password. */
  readonly stamp: string;
}
