/** `varve system df`: Docker's two views, and what deleting each thing would free. */
import {
  statusText,
  type ContainerUsage,
  type DiskUsage,
  type DiskUsageTotal,
  type ImageUsage,
} from "../../engine/index.ts";
import { familiarName, parseReference, shortId } from "../../oci/index.ts";
import type { Volume } from "../../wire/index.ts";
import { command } from "../app.ts";
import { ellipsis, humanAge, humanSize, renderList, type Row } from "../kit/index.ts";
import { cacheLayout, cacheRow } from "./builder.ts";

export const systemDf = command({
  path: ["system", "df"],
  section: "System",
  usage: "[OPTIONS]",
  summary: "Show what takes room, and what deleting it would free",
  details:
    "FREES is measured: the bytes on the disk that removing this thing alone, as it is now, would give back.",
  examples: [{ text: "Image by image", command: "varve system df -v" }],
  flags: {
    format: { kind: "string", type: "string", help: "Format output with a Go template, or 'json'" },
    verbose: { kind: "boolean", short: "v", help: "Show detailed information on space usage" },
  },
  args: { min: 0, max: 0 },
  async run({ app, flags }) {
    const engine = await app.engine();
    const usage = await engine.system.diskUsage();
    const perVolume = await engine.volumes.usage();
    if (app.json) app.stdout.write(`${JSON.stringify({ ...usage, perVolume }, null, 2)}\n`);
    else if (flags.verbose) app.stdout.write(verbose(usage, perVolume));
    else app.stdout.write(renderList(totals(usage, perVolume), summaryLayout, { format: flags.format }));
  },
});

const summaryLayout = {
  headers: { TotalCount: "TOTAL" },
  table: "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
};

function totals(usage: DiskUsage, volumes: readonly Volume[]): Row[] {
  return [
    row("Images", usage.images),
    row("Containers", usage.containers),
    row("Local Volumes", volumesTotal(volumes)),
    row("Build Cache", usage.buildCache),
    row("Blob Cache", usage.cache),
  ];
}

function row(Type: string, { total, active, size, reclaimable }: DiskUsageTotal): Row {
  const percent = size > 0 ? ` (${Math.floor((reclaimable * 100) / size)}%)` : "";
  return {
    Active: String(active),
    Reclaimable: `${humanSize(reclaimable, 4)}${percent}`,
    Size: humanSize(size, 4),
    TotalCount: String(total),
    Type,
  };
}

function volumesTotal(volumes: readonly Volume[]): DiskUsageTotal {
  const sizeOf = (some: readonly Volume[]): number =>
    some.reduce((sum, { UsageData }) => sum + Math.max(UsageData?.Size ?? 0, 0), 0);
  const unused = volumes.filter(({ UsageData }) => UsageData?.RefCount === 0);
  const active = volumes.length - unused.length;
  return { total: volumes.length, active, size: sizeOf(volumes), reclaimable: sizeOf(unused) };
}

function verbose(usage: DiskUsage, volumes: readonly Volume[]): string {
  const now = Date.now();
  return [
    "Images space usage:\n",
    renderList(
      usage.perImage.map((image) => imageRow(image, now)),
      imageLayout,
    ),
    "\nContainers space usage:\n",
    renderList(
      usage.perContainer.map((container) => containerRow(container, now)),
      containerLayout,
    ),
    "\nLocal Volumes space usage:\n",
    renderList(volumes.map(volumeRow), volumeLayout),
    `\nBuild cache usage: ${humanSize(usage.buildCache.size, 4)}\n`,
    renderList(
      usage.perCacheItem.map((item) => cacheRow(item, now)),
      cacheLayout,
    ),
    `\nBlob cache usage: ${humanSize(usage.cache.size, 4)}`,
    `Saved by sharing layers: ${humanSize(usage.saved, 4)}\n`,
  ].join("\n");
}

const imageLayout = {
  headers: { ID: "IMAGE ID", CreatedSince: "CREATED", SharedSize: "SHARED SIZE", UniqueSize: "UNIQUE SIZE" },
  table:
    "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}\t{{.Frees}}",
};

function imageRow(image: ImageUsage, now: number): Row {
  const name = image.repoTags[0] ?? image.repoDigests[0];
  const reference = name === undefined ? undefined : parseReference(name);
  return {
    Repository: reference === undefined ? "<none>" : familiarName(reference),
    Tag: reference?.tag ?? "<none>",
    ID: shortId(image.id),
    CreatedSince: humanAge(image.created, now),
    Size: humanSize(image.size),
    SharedSize: humanSize(image.shared, 4),
    UniqueSize: humanSize(image.unique, 4),
    Containers: String(image.containers),
    Frees: humanSize(image.frees, 4),
  };
}

const volumeLayout = {
  headers: { Name: "VOLUME NAME" },
  table: "{{.Name}}\t{{.Links}}\t{{.Size}}",
};

function volumeRow({ Name, UsageData: { RefCount, Size } = { RefCount: -1, Size: -1 } }: Volume): Row {
  return { Name, Links: String(RefCount), Size: Size < 0 ? "N/A" : humanSize(Size, 4) };
}

const containerLayout = {
  headers: { ID: "CONTAINER ID", LocalVolumes: "LOCAL VOLUMES", RunningFor: "CREATED" },
  table:
    "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}\t{{.Frees}}",
};

function containerRow(container: ContainerUsage, now: number): Row {
  return {
    ID: container.id.slice(0, 12),
    Image: container.image,
    Command: `"${ellipsis(container.command, 20)}"`,
    LocalVolumes: "0",
    Size: humanSize(container.sizeRw ?? 0),
    RunningFor: humanAge(Date.parse(container.created), now),
    Status: statusText(container, now),
    Names: container.name,
    Frees: humanSize(container.frees, 4),
  };
}
