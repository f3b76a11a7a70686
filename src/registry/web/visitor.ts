/** Who looks at a page, and what he may: the access controller alone decides. */
import type { IncomingMessage } from "node:http";
import type { Access, AccessController, BrowserSession, Identity, Scope } from "../access/types.ts";
import type { RegistryError } from "../registry_error.ts";
import { isRefusal } from "./refusal.ts";

export interface VisitorParts {
  readonly access: Access;
  /** The access's controller with limits in front, for the one right that a page is about. */
  readonly guard: AccessController;
  readonly request: IncomingMessage;
  readonly origin: string;
  readonly session: BrowserSession | undefined;
}

export class Visitor {
  readonly session: BrowserSession | undefined;
  readonly #parts: VisitorParts;
  #identity: Identity | undefined;
  #isRestricted = false;

  constructor(parts: VisitorParts) {
    this.#parts = parts;
    this.session = parts.session;
  }

  get user(): string | undefined {
    return this.#identity?.user ?? this.session?.user;
  }

  /** Whether the access controller has turned somebody away here: another name may see more. */
  get isRestricted(): boolean {
    return this.#isRestricted;
  }

  /** @throws RegistryError as the controller */
  async admit(needed: readonly Scope[]): Promise<Identity> {
    const { guard, request, origin, session } = this.#parts;
    // The log and the audit log find the visit by the request itself.
    if (session !== undefined) request.headers.authorization = await session.authorization(needed);
    try {
      this.#identity = await guard.authorize({ request, origin, needed });
    } catch (error) {
      this.#isRestricted ||= isRefusal(error);
      throw error;
    }
    return this.#identity;
  }

  /** Admits one who may list all repositories; for another, how the controller refused him. */
  async listRefusal(): Promise<RegistryError | undefined> {
    try {
      await this.admit([{ type: "registry", name: "catalog", actions: ["*"] }]);
      return undefined;
    } catch (error) {
      if (isRefusal(error)) return error;
      throw error;
    }
  }

  /** Whether more could be done than what the page is about; not counted as a request. */
  async may(needed: readonly Scope[]): Promise<boolean> {
    const { access, request, origin, session } = this.#parts;
    const asking = session === undefined ? request : asIf(request, await session.authorization(needed));
    try {
      await access.controller.authorize({ request: asking, origin, needed });
      return true;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#isRestricted = true;
      return false;
    }
  }
}

/** The same request with other credentials. */
function asIf(request: IncomingMessage, authorization: string): IncomingMessage {
  const headers = { ...request.headers, authorization };
  return Object.create(request, { headers: { value: headers } }) as IncomingMessage;
}

export const mayPull = (name: string): Scope[] => [{ type: "repository", name, actions: ["pull"] }];
export const mayPush = (name: string): Scope[] => [{ type: "repository", name, actions: ["pull", "push"] }];
export const mayDelete = (name: string): Scope[] => [{ type: "repository", name, actions: ["delete"] }];
