/** A refusal of the registry; becomes the HTTP answer in one place, `serve_registry.ts`. */
import {
  registryErrorCodes,
  registryErrorItem,
  type RegistryErrorCode,
  type RegistryErrorItem,
} from "../wire/index.ts";

export class RegistryError extends Error {
  readonly status: number;
  readonly items: readonly RegistryErrorItem[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: RegistryErrorCode,
    details: readonly unknown[] = [undefined],
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(registryErrorCodes[code].message);
    this.name = "RegistryError";
    this.status = registryErrorCodes[code].status;
    this.items = details.map((detail) => registryErrorItem(code, detail));
    this.headers = headers;
  }
}
