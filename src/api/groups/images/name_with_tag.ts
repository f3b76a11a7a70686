/** A name out of two query parameters (moby, api/server/httputils, `RepoTagReference`). */
import { parseReference } from "../../../oci/index.ts";

/**
 * `repo:tag`, or `repo@digest` where the tag is one. Undefined: there is no name.
 * @throws Failure("invalid")
 */
export function nameWithTag(repository: string, tag: string): string | undefined {
  if (repository === "") return undefined;
  const { tag: own } = parseReference(repository);
  if (tag === "") return repository;
  // A tag in the name itself gives way.
  const bare = own === undefined ? repository : repository.slice(0, -own.length - 1);
  const name = tag.includes(":") ? `${bare}@${tag}` : `${bare}:${tag}`;
  parseReference(name);
  return name;
}
