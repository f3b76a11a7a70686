import type { IncomingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import { Failure } from "../../errors.ts";
import { codes, GrpcClient, GrpcError } from "../../rpc/index.ts";

/** What a client says of its session. */
export interface Introduction {
  readonly id: string;
  readonly name: string;
  /** The same for sessions of one user that offer the same directory. */
  readonly sharedKey: string;
  /** What it serves: `/moby.filesync.v1.FileSync/DiffCopy`. */
  readonly methods: readonly string[];
}

/** Headers of `POST /session` (moby/buildkit, session/session.go). */
export function introductionOf(headers: IncomingHttpHeaders): Introduction {
  const one = (name: string): string => listOf(headers[`x-docker-expose-session-${name}`])[0] ?? "";
  return {
    id: one("uuid"),
    name: one("name"),
    sharedKey: one("sharedkey"),
    methods: listOf(headers["x-docker-expose-session-grpc-method"]),
  };
}

/** Node joins headers that come several times. */
function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return (typeof value === "string" ? value.split(",") : value).map((each) => each.trim());
}

export class Session {
  readonly id: string;
  readonly name: string;
  readonly sharedKey: string;
  readonly client: GrpcClient;
  readonly #methods: ReadonlySet<string>;

  constructor(socket: Duplex, { id, name, sharedKey, methods }: Introduction) {
    this.id = id;
    this.name = name;
    this.sharedKey = sharedKey;
    this.client = new GrpcClient(socket);
    this.#methods = new Set(methods.map((method) => method.toLowerCase()));
  }

  /** Aborted when the connection has ended. */
  get closed(): AbortSignal {
    return this.client.closed;
  }

  /** @param method `/package.Service/Method`, in any case */
  supports(method: string): boolean {
    return this.#methods.has(method.toLowerCase());
  }

  /** @throws Failure("invalid") in BuildKit's words for what the client does not serve */
  require(method: string): void {
    if (!this.supports(method)) throw new Failure("invalid", `method ${method} not supported by the client`);
  }
}

/** What the client does not have, or does not know, as undefined. */
export async function unlessAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    const isAbsent = error instanceof GrpcError && absent.has(error.code);
    if (isAbsent) return undefined;
    throw error;
  }
}

const absent: ReadonlySet<number> = new Set([codes.notFound, codes.unimplemented]);
