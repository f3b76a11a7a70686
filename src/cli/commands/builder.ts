/** `varve builder du` and `varve builder prune`: what builds have left for the next ones. */
import type { BuildCacheItem } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import { command, line, list, listFlags, result, type App } from "../app.ts";
import { humanAge, humanSize, type Row } from "../kit/index.ts";

export const builderDu = command({
  path: ["builder", "du"],
  aliases: [
    ["builder", "ls"],
    ["buildx", "du"],
  ],
  section: "System",
  usage: "[OPTIONS]",
  summary: "Show what the build cache holds",
  details:
    "One row for each step, each cache mount and each client's context, least recently used first. SIZE of a step is that of " +
    "its own layer; SHARED says whether an image or a container has it as well, so that removing the record frees nothing.",
  examples: [{ text: "What takes most", command: "varve builder du --format '{{.Size}} {{.Description}}'" }],
  flags: listFlags,
  args: { min: 0, max: 0 },
  async run({ app, flags, signal }) {
    const items = await (await app.engine()).system.buildCache({ signal });
    const now = Date.now();
    list(
      app,
      items.map((item) => cacheRow(item, now, flags["no-trunc"])),
      cacheLayout,
      flags,
    );
    if (flags.format === undefined && !flags.quiet && !app.json) printTotals(app, items);
  },
});

export const builderPrune = command({
  path: ["builder", "prune"],
  aliases: [["buildx", "prune"]],
  section: "System",
  usage: "[OPTIONS]",
  summary: "Remove build cache",
  examples: [
    { text: "What no build has used for a week", command: "varve builder prune --filter until=168h" },
    { text: "All but the 10 GB that were used last", command: "varve builder prune --keep-storage 10GB" },
  ],
  flags: {
    all: {
      kind: "boolean",
      short: "a",
      help: "Remove also records of layers that images have, not just dangling ones",
    },
    filter: { kind: "list", type: "filter", help: "Remove only what was last used before: until=24h" },
    "keep-storage": { kind: "bytes", help: "Amount of disk space to keep for cache" },
    force: { kind: "boolean", short: "f", help: "Accepted for Docker's sake: varve does not ask" },
  },
  args: { min: 0, max: 0 },
  async run({ app, flags, signal }) {
    const keepStorage = flags["keep-storage"];
    const unusedFor = await untilOf(flags.filter);
    const pruned = await (
      await app.engine()
    ).system.pruneBuildCache({
      all: flags.all,
      signal,
      ...(unusedFor !== undefined && { unusedFor }),
      ...(keepStorage !== undefined && { keepStorage }),
    });
    const { deleted, spaceReclaimed } = pruned;
    result(app, pruned, [
      ...(deleted.length > 0 ? ["Deleted build cache objects:", ...deleted.map(cacheId), ""] : []),
      `Total reclaimed space: ${humanSize(spaceReclaimed, 4)}`,
    ]);
  },
});

/** Milliseconds. Docker's builder knows more filters; they name what only its own cache has. */
async function untilOf(filters: readonly string[]): Promise<number | undefined> {
  const { parseDuration } = await import("../../dockerfile/index.ts");
  let unusedFor: number | undefined;
  for (const filter of filters) {
    const [, key, value = ""] = /^([^=]*)=(.*)$/s.exec(filter) ?? [];
    if (key !== "until" && key !== "unused-for")
      throw new Failure("invalid", `Invalid filter '${key ?? filter}'`, {
        hint: "see 'varve builder prune --help'",
      });
    const nanoseconds = parseDuration(value);
    if (nanoseconds === undefined || nanoseconds < 0)
      throw new Failure("invalid", `invalid duration "${value}" for filter ${key}`, {
        hint: "write until=24h",
      });
    unusedFor = nanoseconds / 1e6;
  }
  return unusedFor;
}

export const cacheLayout = {
  headers: { ID: "CACHE ID", Type: "CACHE TYPE", CreatedSince: "CREATED", LastUsedSince: "LAST USED" },
  table:
    "{{.ID}}\t{{.Type}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.Shared}}\t{{.Description}}",
};

export function cacheRow(item: BuildCacheItem, now: number, full = false): Row {
  const { createdAt, description } = item;
  return {
    ID: full ? item.id : cacheId(item.id),
    Type: shown(item.type),
    Size: humanSize(item.size),
    CreatedAt: createdAt ?? "",
    CreatedSince: createdAt === undefined ? "" : humanAge(Date.parse(createdAt), now),
    LastUsedAt: item.lastUsedAt,
    LastUsedSince: humanAge(Date.parse(item.lastUsedAt), now),
    InUse: String(item.inUse),
    Shared: String(item.shared),
    Reclaimable: String(!item.inUse),
    Description:
      full || description.length <= 60 ? shown(description) : `${shown(description.slice(0, 59))}\u2026`,
  };
}

/** As people know it: the first digits of a step's key, or the name of a cache mount. */
export function cacheId(id: string): string {
  return /^[0-9a-f]{64}$/.test(id) ? id.slice(0, 12) : shown(id);
}

/** Records come from other machines, too, and may hold whatever moves a terminal's cursor. */
function shown(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, " ");
}

function printTotals(app: App, items: readonly BuildCacheItem[]): void {
  const sizeOf = (keep: (item: BuildCacheItem) => boolean): string =>
    humanSize(
      items.filter(keep).reduce((sum, { size }) => sum + size, 0),
      4,
    );
  line(app, "");
  line(app, `Shared:       ${sizeOf(({ shared }) => shared)}`);
  line(app, `Private:      ${sizeOf(({ shared }) => !shared)}`);
  line(app, `Reclaimable:  ${sizeOf(({ shared, inUse }) => !shared && !inUse)}`);
  line(app, `Total:        ${sizeOf(() => true)}`);
}
