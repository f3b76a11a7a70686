/** Nothing is written: distribution's `storage.maintenance.readonly`. */
import type { RegistryPolicy } from "../hooks.ts";
import { RegistryError } from "../registry_error.ts";

const refuse = () => Promise.reject(new RegistryError("UNSUPPORTED", ["the registry is in read-only mode"]));

export const readOnly: RegistryPolicy = {
  beforePush: refuse,
  beforeUpload: refuse,
  beforeBlob: refuse,
  beforeManifest: refuse,
  beforeDelete: refuse,
};
