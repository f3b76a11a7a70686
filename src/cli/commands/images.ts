/** `varve images`: behaviours B089, B090. */
import type { ImageSummary, ListOptions } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import { parseReference, familiarName, shortId } from "../../oci/index.ts";
import { command, list, listFlags, type App } from "../app.ts";
import { humanAge, humanSize } from "../kit/index.ts";
import { goDate } from "../go_date.ts";
import { parseFilters } from "../parse_filters.ts";
import { refusedFlag } from "../refused_flag.ts";

const headers = { ID: "IMAGE ID", CreatedSince: "CREATED", VirtualSize: "SIZE" };
const plain = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
const withDigests = "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";

export const images = command({
  path: ["images"],
  aliases: [
    ["image", "ls"],
    ["image", "list"],
  ],
  section: "Images",
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  summary: "List images",
  examples: [
    { text: "All images, newest first", command: "varve images" },
    { text: "IDs of images without a name", command: "varve images -q --filter dangling=true" },
    { text: "Names and sizes only", command: "varve images --format '{{.Repository}}:{{.Tag}} {{.Size}}'" },
  ],
  flags: {
    all: { kind: "boolean", short: "a", help: "Show all images (default hides untagged parents)" },
    digests: { kind: "boolean", help: "Show digests" },
    filter: {
      kind: "list",
      short: "f",
      type: "filter",
      help: "Keep images that match: dangling, label, before, since, reference",
    },
    ...listFlags,
    tree: refusedFlag("see 'varve tree'"),
  },
  args: { min: 0, max: 1, name: "REPOSITORY[:TAG]" },
  complete: "image",
  async run({ app, flags, args }) {
    const options = await listOptions(app, flags.filter, flags.all, args[0]);
    const found = await (await app.engine()).images.list(options);
    const rows = found.flatMap((image) => rowsOf(image, { digests: flags.digests, full: flags["no-trunc"] }));
    list(app, rows, { headers, table: flags.digests ? withDigests : plain }, flags);
  },
});

async function listOptions(
  app: App,
  filters: readonly string[],
  all: boolean,
  pattern: string | undefined,
): Promise<ListOptions> {
  const options: { -readonly [K in keyof ListOptions]: ListOptions[K] } = { all };
  const references = pattern === undefined ? [] : [pattern];
  const labels: string[] = [];
  const found = [...parseFilters(filters)].flatMap(([key, values]) =>
    [...values].map((value) => [key, value] as const),
  );
  for (const [key, value] of found) {
    if (key === "dangling" && (value === "true" || value === "false")) options.dangling = value === "true";
    else if (key === "label") labels.push(value);
    else if (key === "reference") references.push(value);
    else if (key === "before" || key === "since")
      options[key] = await (await app.engine()).images.resolve(value);
    else throw new Failure("invalid", `Invalid filter '${key}'`, { hint: "see 'varve images --help'" });
  }
  if (options.dangling === true) delete options.all;
  return { ...options, ...(references.length > 0 && { reference: references }), labels };
}

type Row = Record<
  | "Containers"
  | "CreatedAt"
  | "CreatedSince"
  | "Digest"
  | "ID"
  | "Repository"
  | "SharedSize"
  | "Size"
  | "Tag"
  | "UniqueSize"
  | "VirtualSize",
  string
>;

/** One row a tag; with digests one a digest; `<none>` twice for an image without names. */
function rowsOf(
  image: ImageSummary,
  { digests, full }: { readonly digests: boolean; readonly full: boolean },
): Row[] {
  const none = "<none>";
  const row = (Repository: string, Tag: string, Digest: string): Row => ({
    Containers: "N/A",
    // Templates ask for few of them.
    get CreatedAt() {
      return goDate(image.created);
    },
    get CreatedSince() {
      return humanAge(image.created, Date.now());
    },
    Digest,
    ID: full ? image.id : shortId(image.id),
    Repository,
    SharedSize: "N/A",
    get Size() {
      return humanSize(image.size);
    },
    Tag,
    UniqueSize: "N/A",
    get VirtualSize() {
      return humanSize(image.size, 4);
    },
  });
  const digestsOf = new Map<string, string[]>();
  for (const name of image.repoDigests) {
    const reference = parseReference(name);
    const repository = familiarName(reference);
    digestsOf.set(repository, [...(digestsOf.get(repository) ?? []), reference.digest as string]);
  }
  const rows: Row[] = [];
  for (const name of image.repoTags) {
    const reference = parseReference(name);
    const repository = familiarName(reference);
    const known = digestsOf.get(repository) ?? [];
    for (const digest of digests && known.length > 0 ? known : [none])
      rows.push(row(repository, reference.tag ?? none, digest));
  }
  const tagged = new Set(rows.map(({ Repository }) => Repository));
  for (const [repository, known] of digestsOf) {
    if (tagged.has(repository)) continue;
    if (digests) rows.push(...known.map((digest) => row(repository, none, digest)));
    else rows.push(row(repository, none, none));
  }
  return rows.length > 0 ? rows : [row(none, none, none)];
}
