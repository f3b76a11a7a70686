/** `quota`, and of `policy` what keeps tags and the disk. */
import { list, optional, section, type Problems, type Read } from "./field.ts";
import { byteSize, duration, freeSpace, integer, oneOf, text } from "./scalars.ts";

const texts = list(text(""));

/** Bytes and tags that repositories may have. */
export const quota = section({
  /** After how long the tree is counted again, since others change it, too. */
  recount: duration(5 * 60_000),
  limits: list(
    section({
      repositories: text(),
      per: oneOf(["pattern", "namespace", "repository"], "pattern"),
      bytes: byteSize(undefined),
      tags: optional(integer(0)),
    }),
  ),
});

/** Tags that are neither moved nor deleted. */
export const immutable = list(section({ repositories: texts, tags: texts }));

/** Nothing is taken below some free space. */
export const diskguard = section({ free: freeSpace(undefined) });

interface GuardKeys {
  readonly quota: Read<typeof quota>;
  readonly policy: { readonly immutable: Read<typeof immutable>; readonly diskguard: Read<typeof diskguard> };
  readonly storage: { readonly driver: string };
}

export function checkGuards({ quota: { limits }, policy, storage }: GuardKeys, problems: Problems): void {
  for (const [index, { repositories, per, bytes, tags }] of limits.entries()) {
    const place = ["quota", "limits", index];
    if (repositories === undefined)
      problems.wrong([...place, "repositories"], "is missing: ** is all of them");
    else checkRepositories([repositories], [...place, "repositories"], problems);
    if (bytes === undefined && tags === undefined)
      problems.wrong(place, "limits nothing: both bytes and tags are missing");
    const earlier = limits.findIndex((other) => other.repositories === repositories && other.per === per);
    if (earlier < index && repositories !== undefined)
      problems.wrong(place, `never holds: quota.limits.${earlier} is for the same repositories`);
  }
  for (const [index, { repositories, tags }] of policy.immutable.entries()) {
    const place = ["policy", "immutable", index];
    if (repositories.length === 0)
      problems.wrong([...place, "repositories"], "is missing: ** is all of them");
    checkRepositories(repositories, [...place, "repositories"], problems);
    if (tags.length === 0) problems.wrong([...place, "tags"], "is missing: * is all of them");
    const strange = tags.find((pattern) => !/^[\w.*-]+$/.test(pattern));
    if (strange !== undefined) problems.wrong([...place, "tags"], `no tag can fit "${strange}"`);
  }
  if (policy.diskguard.free !== undefined && storage.driver !== "filesystem")
    problems.wrong(["policy", "diskguard"], `storage.${storage.driver} has no disk: only filesystem has`);
}

function checkRepositories(
  patterns: readonly string[],
  place: readonly (string | number)[],
  problems: Problems,
): void {
  const strange = patterns.find((pattern) => !/^[a-z0-9._/*-]+$/.test(pattern));
  if (strange !== undefined) problems.wrong(place, `no repository can fit "${strange}"`);
}
