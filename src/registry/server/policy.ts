/** What the configuration forbids: writing at all, and manifests that send clients elsewhere. */
import type { RegistryPolicy } from "../hooks.ts";
import { RegistryError } from "../registry_error.ts";
import type { ServerConfig } from "./config/read_config.ts";
import { Failure } from "../../errors.ts";

/** @throws Failure "invalid" for a pattern that is no regular expression */
export function policyOf(config: ServerConfig): RegistryPolicy {
  const isAllowed = urlRule(config.validation);
  if (config.storage.maintenance.readonly.enabled) {
    return { beforeUpload: refuse, beforeBlob: refuse, beforeManifest: refuse, beforeDelete: refuse };
  }
  if (isAllowed === undefined) return {};
  return {
    beforeManifest: async ({ bytes }) => {
      const wrong = urlsIn(bytes).find((url) => !isAllowed(url));
      if (wrong !== undefined)
        throw new RegistryError("MANIFEST_INVALID", [`invalid URL on layer: ${wrong.slice(0, 200)}`]);
    },
  };
}

function refuse(): Promise<never> {
  return Promise.reject(new RegistryError("UNSUPPORTED", ["the registry is in read-only mode"]));
}

/** distribution's rule: allowed by one pattern, if there are such, and denied by none. */
function urlRule({
  enabled,
  disabled,
  manifests,
}: ServerConfig["validation"]): ((url: string) => boolean) | undefined {
  const { allow, deny } = manifests.urls;
  if (enabled === false || disabled === true || allow.length + deny.length === 0) return undefined;
  const [allowed, denied] = [allow.map(pattern("allow")), deny.map(pattern("deny"))];
  return (url) =>
    (allowed.length === 0 || allowed.some((each) => each.test(url))) &&
    !denied.some((each) => each.test(url));
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
  const { layers } = JSON.parse(Buffer.from(bytes).toString()) as { readonly layers?: unknown };
  if (!Array.isArray(layers)) return [];
  return (layers as readonly { readonly urls?: unknown }[]).flatMap((layer) =>
    Array.isArray(layer?.urls) ? layer.urls.map(String) : [],
  );
}
