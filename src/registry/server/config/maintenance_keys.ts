/** The keys of what the server does by the clock: garbage collection with retention before it, and checks. */
import { matcherOf } from "../../gc/retention/retention_rule.ts";
import { isFailure } from "../../../errors.ts";
import { list, optional, section, type Problems, type Read } from "./field.ts";
import { duration, flag, integer, text, timeOfDay } from "./scalars.ts";

const hour = 3_600_000;
const day = 24 * hour;

const texts = list(text(""));

/** Between two runs, whichever instance makes them; the time of day is UTC. */
const clock = { interval: duration(undefined), at: timeOfDay(undefined) };

export const gc = section({
  ...clock,
  /** How long a file must have been unreferenced. */
  grace: duration(hour),
  /** How long what was deleted can be had back. */
  trash: duration(7 * day),
  /** Age of an upload that nobody has finished. */
  uploads: duration(7 * day),
  untagged: flag(false),
});

export const retention = section({
  /** Tells what would go, and deletes no tag. */
  dryrun: flag(false),
  grace: duration(hour),
  rules: list(
    section({
      repositories: texts,
      tags: texts,
      keep: optional(
        section({
          last: optional(integer(0)),
          youngerthan: duration(undefined),
          pulledwithin: duration(undefined),
          tags: texts,
          inindex: flag(false),
        }),
      ),
    }),
  ),
});

const mirror = section({ remoteurl: text(""), username: text(), password: text() });

export const fsck = section({
  ...clock,
  repair: flag(false),
  /** Registries that have the same repositories under the same names. */
  upstreams: list(mirror),
  /** Bytes a second; 0: as fast as it goes. */
  rate: integer(32 << 20),
});

export type MirrorKeys = Read<typeof mirror>;
export type RetentionKeys = Read<typeof retention>;

interface MaintenanceKeys {
  readonly gc: Read<typeof gc>;
  readonly retention: RetentionKeys;
  readonly fsck: Read<typeof fsck>;
}

export function checkMaintenance(keys: MaintenanceKeys, problems: Problems): void {
  for (const work of ["gc", "fsck"] as const) {
    const { interval, at } = keys[work];
    if (at !== undefined && (interval === undefined || interval % day !== 0))
      problems.wrong([work, "at"], "a time of day needs an interval of whole days, such as interval: 24h");
  }
  for (const [index, { remoteurl, username, password }] of keys.fsck.upstreams.entries()) {
    const path = ["fsck", "upstreams", index];
    // Not shown: a password may be in it.
    if (!isRegistryUrl(remoteurl))
      problems.wrong(
        [...path, "remoteurl"],
        "expected a URL such as https://registry.example, and no more than that",
      );
    if ((username === undefined) !== (password === undefined))
      problems.wrong([...path, "password"], "username and password go together");
  }
  const { rules } = keys.retention;
  if (rules.length > 0 && !keys.gc.interval)
    problems.idle(
      ["retention", "rules"],
      "are applied by `registry retention` only: gc.interval, before each of which they would be, is not set",
    );
  for (const [index, rule] of rules.entries()) checkRule(rule, index, problems);
}

function checkRule(rule: RetentionKeys["rules"][number], index: number, problems: Problems): void {
  const wrong = (key: string, message: string) =>
    problems.wrong(["retention", "rules", index, ...key.split(".")], message);
  const { repositories, tags, keep } = rule;
  if (repositories.length === 0) wrong("repositories", "is missing: ** is all of them");
  // What was forgotten, or moved too far to the left, must not delete everything.
  if (keep === undefined || Object.values(keep).every((value) => isNothing(value)))
    wrong("keep", "is missing: the rule keeps nothing; if that is meant, say last: 0");
  if (keep?.pulledwithin !== undefined && keep.pulledwithin < day)
    wrong("keep.pulledwithin", "pulls are recorded to the hour: a day is the least");
  for (const [key, patterns] of [
    ["repositories", repositories],
    ["tags", tags],
    ["keep.tags", keep?.tags ?? []],
  ] as const) {
    try {
      matcherOf(patterns);
    } catch (error) {
      if (!isFailure(error)) throw error;
      wrong(key, error.message);
    }
  }
}

const isNothing = (value: unknown) =>
  value === undefined || value === false || (Array.isArray(value) && value.length === 0);

/** http or https, without credentials, `/v2` and what comes after it. */
export function isRegistryUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  return url.username + url.password + url.search + url.hash === "" && !/\/v2\/?$/.test(url.pathname);
}
