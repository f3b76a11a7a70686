/** Manifests that send clients elsewhere: distribution's `validation.manifests.urls`. */
import { Failure } from "../../errors.ts";
import type { RegistryPolicy } from "../hooks.ts";
import { RegistryError } from "../registry_error.ts";

export interface UrlRules {
  /** Regular expressions; of those, if there are such, one must match. */
  readonly allow: readonly string[];
  /** Regular expressions of which none may match. */
  readonly deny: readonly string[];
}

/** @throws Failure "invalid" for a pattern that is no regular expression */
export function urlValidation({ allow, deny }: UrlRules): RegistryPolicy {
  if (allow.length + deny.length === 0) return {};
  const [allowed, denied] = [allow.map(pattern("allow")), deny.map(pattern("deny"))];
  const isAllowed = (url: string) =>
    (allowed.length === 0 || allowed.some((each) => each.test(url))) &&
    !denied.some((each) => each.test(url));
  return {
    beforeManifest: async ({ bytes }) => {
      const wrong = urlsIn(bytes).find((url) => !isAllowed(url));
      if (wrong !== undefined)
        throw new RegistryError("MANIFEST_INVALID", [`invalid URL on layer: ${wrong.slice(0, 200)}`]);
    },
  };
}

const pattern = (list: string) => (text: string) => {
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new Failure("invalid", `validation.manifests.urls.${list}: no regular expression: ${text}`, {
      cause,
    });
  }
};

/** Of foreign layers. What is no such manifest has none. */
function urlsIn(bytes: Uint8Array): string[] {
  const { layers } = jsonOf(bytes) as { readonly layers?: unknown };
  if (!Array.isArray(layers)) return [];
  return (layers as readonly { readonly urls?: unknown }[]).flatMap((layer) =>
    Array.isArray(layer?.urls) ? layer.urls.map(String) : [],
  );
}

/** A manifest of an unknown type need not be JSON. */
function jsonOf(bytes: Uint8Array): object {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
