/** A refusal of the registry; becomes the HTTP answer in one place, `create_registry.ts`. */
import { isFailure, type Failure } from "../errors.ts";
import {
  registryErrorCodes,
  registryErrorItem,
  type RegistryErrorCode,
  type RegistryErrorItem,
} from "../wire/index.ts";

export interface RegistryErrorOptions {
  /** Instead of the code's usual one. */
  readonly status?: number;
  /** Instead of the code's usual one. */
  readonly message?: string;
}

export class RegistryError extends Error {
  readonly status: number;
  readonly items: readonly RegistryErrorItem[];
  readonly headers: Readonly<Record<string, string>>;

  /** @param details one item for each. */
  constructor(
    code: RegistryErrorCode,
    details: readonly unknown[] = [undefined],
    headers: Readonly<Record<string, string>> = {},
    options: RegistryErrorOptions = {},
  ) {
    const { message = registryErrorCodes[code].message, status = registryErrorCodes[code].status } = options;
    super(message);
    this.name = "RegistryError";
    this.status = status;
    this.items = details.map((detail) => registryErrorItem(code, detail, message));
    this.headers = headers;
  }
}

export interface Refusal {
  readonly status: number;
  readonly items: readonly RegistryErrorItem[];
  readonly headers: Readonly<Record<string, string>>;
}

/** What a client is told of any error. What happened inside is not its business, so of a fault it learns the kind only. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof RegistryError) return error;
  const [status, code, message] = isFailure(error) ? statusOf(error) : unknown;
  return { status, items: [{ code, message }], headers: {} };
}

type Told = readonly [number, string, string];
const unknown: Told = [500, "UNKNOWN", "unknown error"];

function statusOf(failure: Failure): Told {
  if (failure.kind === "unavailable") return [503, "UNAVAILABLE", "service unavailable"];
  if (failure.kind === "no-space") return [507, "UNAVAILABLE", "the registry's storage is full"];
  return unknown;
}
