/** Who asks, and who may do what. */
import type { IncomingMessage, ServerResponse } from "node:http";

export type Action = "pull" | "push" | "delete" | "*";

/** What a request needs: `repository:a/b:pull,push`, split. */
export interface Scope {
  readonly type: "repository" | "registry";
  /** Name of a repository; `catalog` of the registry. */
  readonly name: string;
  readonly actions: readonly Action[];
}

/** Who was let in. */
export interface Identity {
  /** Undefined: anonymous. */
  readonly user: string | undefined;
  readonly groups: readonly string[];
}

export interface AccessRequest {
  readonly request: IncomingMessage;
  /** `https://registry.example`, as the client addressed us. */
  readonly origin: string;
  readonly needed: readonly Scope[];
}

/**
 * Lets a request through, or throws `RegistryError`: `UNAUTHORIZED` with the challenge (`WWW-Authenticate`) that tells the
 * client what to get, `DENIED` for one whose identity is known and may not.
 */
export interface AccessController {
  authorize(request: AccessRequest): Promise<Identity>;
}

/** Somebody who logged in by a form. */
export interface BrowserSession {
  readonly user: string;
  /** An `Authorization` header that gives those of the wanted rights that the user has, for the requests of now. */
  authorization(wanted: readonly Scope[]): Promise<string>;
}

/** For browsers, which cannot fetch bearer tokens by themselves. */
export interface BrowserLogin {
  /** Life of a session in seconds. */
  readonly expires: number;
  /** A text for a cookie; undefined: wrong credentials, or a user who cannot stay logged in. */
  begin(user: string, password: string): Promise<string | undefined>;
  /** Undefined: the text is none of ours, its time is over, or the password was changed. */
  resume(text: string): Promise<BrowserSession | undefined>;
}

/** What a configuration's `auth` amounts to. */
export interface Access extends AsyncDisposable {
  readonly controller: AccessController;
  /** Undefined: nobody logs in by a form here. */
  readonly login?: BrowserLogin;
  /**
   * Answers a request for a page of the access itself (`/token`, `/.well-known/jwks.json`); false: it is for none, and
   * nothing was done. Throws what `authorize` throws for faults of files and peers.
   */
  answer(request: IncomingMessage, response: ServerResponse): Promise<boolean>;
}

/**
 * What a controller outside this code throws, which has not our `RegistryError`: an error with a code and, for
 * `UNAUTHORIZED`, the `WWW-Authenticate` that tells the client what to get.
 */
export interface AccessRefusal {
  readonly code: "UNAUTHORIZED" | "DENIED";
  readonly challenge?: string;
}
