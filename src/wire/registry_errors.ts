/**
 * The registry's error body, `{"errors":[{"code","message","detail"}]}` (OCI distribution spec, "Error Codes"),
 * with the status and text that distribution gives each code.
 */

export const registryErrorCodes = {
  BLOB_UNKNOWN: { status: 404, message: "blob unknown to registry" },
  BLOB_UPLOAD_INVALID: { status: 404, message: "blob upload invalid" },
  BLOB_UPLOAD_UNKNOWN: { status: 404, message: "blob upload unknown to registry" },
  DENIED: { status: 403, message: "requested access to the resource is denied" },
  DIGEST_INVALID: { status: 400, message: "provided digest did not match uploaded content" },
  MANIFEST_BLOB_UNKNOWN: { status: 400, message: "blob unknown to registry" },
  MANIFEST_INVALID: { status: 400, message: "manifest invalid" },
  MANIFEST_UNKNOWN: { status: 404, message: "manifest unknown" },
  NAME_INVALID: { status: 400, message: "invalid repository name" },
  NAME_UNKNOWN: { status: 404, message: "repository name not known to registry" },
  PAGINATION_NUMBER_INVALID: { status: 400, message: "invalid number of results requested" },
  RANGE_INVALID: { status: 416, message: "invalid content range" },
  SIZE_INVALID: { status: 400, message: "provided length did not match content length" },
  TAG_INVALID: { status: 400, message: "manifest tag did not match URI" },
  TOOMANYREQUESTS: { status: 429, message: "too many requests" },
  UNAVAILABLE: { status: 503, message: "service unavailable" },
  UNAUTHORIZED: { status: 401, message: "authentication required" },
  UNSUPPORTED: { status: 405, message: "The operation is unsupported." },
} as const;

export type RegistryErrorCode = keyof typeof registryErrorCodes;

/** One element of `errors`. `code` is open: registries invent their own. */
export interface RegistryErrorItem {
  readonly code: string;
  readonly message: string;
  readonly detail?: unknown;
}

/** The item for a code, with distribution's text unless another is given. */
export function registryErrorItem(
  code: RegistryErrorCode,
  detail?: unknown,
  message: string = registryErrorCodes[code].message,
): RegistryErrorItem {
  return detail === undefined ? { code, message } : { code, message, detail };
}

/** The body as distribution writes it: compact JSON and a line feed. */
export function formatRegistryErrors(items: readonly RegistryErrorItem[]): string {
  return `${JSON.stringify({ errors: items })}\n`;
}

/**
 * Reads an error body. Also knows the two older shapes, `{"details":".."}` of token servers and
 * `{"message":".."}`; anything else gives an empty list.
 */
export function parseRegistryErrors(text: string): RegistryErrorItem[] {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return [];
  }
  if (!isRecord(body)) return [];
  if (Array.isArray(body["errors"])) return body["errors"].filter(isRecord).map(toItem);
  const plain = body["details"] ?? body["message"];
  return typeof plain === "string" ? [{ code: "UNKNOWN", message: plain }] : [];
}

function toItem(item: Record<string, unknown>): RegistryErrorItem {
  const code = typeof item["code"] === "string" ? item["code"] : "UNKNOWN";
  const message = typeof item["message"] === "string" ? item["message"] : "";
  return item["detail"] === undefined ? { code, message } : { code, message, detail: item["detail"] };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
