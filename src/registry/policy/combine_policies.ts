/** Several policies as one: each is asked, and one that refuses is enough. */
import type { ManifestPermit, RegistryPolicy, UploadPermit } from "../hooks.ts";

/**
 * Asks in order and stops at the first that refuses; so what keeps accounts of what it has permitted stands last. Of the
 * permits the strictest counts. When an upload is refused, all are told that it has ended.
 */
export function combinePolicies(policies: readonly RegistryPolicy[]): RegistryPolicy {
  const uploadEnded = async (uploadId: string, repository: string): Promise<void> => {
    for (const policy of policies) await policy.uploadEnded?.(uploadId, repository);
  };
  return {
    uploadEnded,
    beforeUpload: async (intent) => {
      try {
        const permits: UploadPermit[] = [];
        for (const policy of policies) permits.push((await policy.beforeUpload?.(intent)) ?? {});
        return strictest(permits);
      } catch (error) {
        await uploadEnded(intent.uploadId, intent.repository);
        throw error;
      }
    },
    beforePush: async (plan) => {
      for (const policy of policies) await policy.beforePush?.(plan);
    },
    beforeBlob: async (intent) => {
      for (const policy of policies) await policy.beforeBlob?.(intent);
    },
    beforeManifest: async (intent) => {
      const permits: ManifestPermit[] = [];
      for (const policy of policies) permits.push((await policy.beforeManifest?.(intent)) ?? {});
      return { onlyNew: permits.flatMap(({ onlyNew = [] }) => onlyNew) };
    },
    beforePull: async (intent) => {
      for (const policy of policies) await policy.beforePull?.(intent);
    },
    beforeDelete: async (intent) => {
      for (const policy of policies) await policy.beforeDelete?.(intent);
    },
  };
}

function strictest(permits: readonly UploadPermit[]): UploadPermit {
  const maxBytes = Math.min(...permits.map((permit) => permit.maxBytes ?? Infinity));
  return {
    ...(maxBytes < Infinity && { maxBytes }),
    grow: async (size) => {
      for (const permit of permits) await permit.grow?.(size);
    },
  };
}
