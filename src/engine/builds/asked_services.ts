/** Services of a build that ask before they take something. */
import type { BuildServices } from "../../build/index.ts";
import { formatReference, parseReference, withDefaultTag, type Platform } from "../../oci/index.ts";

/**
 * Asked before an image, a URL or a git repository is taken, by its name in BuildKit: `docker-image://docker.io/library/a:1`,
 * `https://…`, `git://host/repo.git#ref`. It throws if that must not be.
 */
export type OnSource = (identifier: string, platform?: Platform) => Promise<void>;

export function askedServices(services: BuildServices, onSource: OnSource): BuildServices {
  return {
    ...services,
    image: async (name, options) => {
      // An ID is of this store, where it has come to by leave.
      if (!/^sha256:[0-9a-f]{64}$/.test(name)) await onSource(imageSource(name), options.platform);
      return services.image(name, options);
    },
    fetchUrl: async (url, options) => {
      await onSource(url);
      return services.fetchUrl(url, options);
    },
    fetchGit: async (reference, options) => {
      await onSource(gitSource(reference));
      return services.fetchGit(reference, options);
    },
  };
}

function imageSource(name: string): string {
  return `docker-image://${formatReference(withDefaultTag(parseReference(name)))}`;
}

/** The protocol is not part of it (moby/buildkit, client/llb/source.go, `Git`). */
export function gitSource(reference: string): string {
  const scp = /^(?:[^@/]+@)?([^:/]+):(?!\/)(.*)$/s.exec(reference);
  if (scp !== null && !/^[a-z]+:\/\//i.test(reference)) return `git://${scp[1]}/${scp[2]}`;
  return `git://${reference.replace(/^[a-z]+:\/\//i, "").replace(/^[^@/]+@/, "")}`;
}
