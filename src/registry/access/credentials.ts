/** What a request brings along: its `Authorization` header, read. */
export type Credentials =
  | { readonly kind: "none" }
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  | { readonly kind: "bearer"; readonly token: string }
  /** Another scheme, or nonsense. */
  | { readonly kind: "unknown" };

/** @param header of the request, undefined: it has none */
export function readCredentials(header: string | undefined): Credentials {
  if (header === undefined) return { kind: "none" };
  const match = /^(basic|bearer) ([^ ]+)$/i.exec(header);
  if (match === null) return { kind: "unknown" };
  const [, scheme = "", value = ""] = match;
  if (scheme.toLowerCase() === "bearer") return { kind: "bearer", token: value };
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(value)) return { kind: "unknown" };
  const text = Buffer.from(value, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 0) return { kind: "unknown" };
  return { kind: "password", user: text.slice(0, colon), password: text.slice(colon + 1) };
}
