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

/** What a configuration's `auth` amounts to. */
export interface Access extends AsyncDisposable {
  readonly controller: AccessController;
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
