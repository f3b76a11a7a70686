/** `GET /system/df` (moby, daemon/disk_usage.go; the shapes of api/types/system up to 1.50). */
import type { BuildCacheItem, ContainerUsage, Daemon } from "../../../engine/index.ts";
import { Failure } from "../../../errors.ts";
import type { Call } from "../../http/index.ts";
import { containerRow } from "../containers/index.ts";
import { imageShape } from "../images/index.ts";

const kinds = ["container", "image", "volume", "build-cache"] as const;
type Kind = (typeof kinds)[number];

export async function diskUsage(daemon: Daemon, call: Call): Promise<void> {
  const wanted = kindsAsked(call);
  const usage = await daemon.engine.system.diskUsage();
  const volumes = wanted.has("volume") ? await daemon.engine.volumes.usage() : [];
  const parts = {
    ...(wanted.has("image") && {
      LayersSize: usage.images.size,
      Images: usage.perImage.map((image) => imageShape(call, image, image.shared, image.containers)),
    }),
    ...(wanted.has("container") && { Containers: await containersShown(daemon, call, usage.perContainer) }),
    ...(wanted.has("volume") && { Volumes: volumes }),
    ...(wanted.has("build-cache") && {
      BuildCache: usage.perCacheItem.map((item) => cacheItemShown(call, item)),
    }),
  };
  const empty = { LayersSize: 0, Images: null, Containers: null, Volumes: null, BuildCache: null };
  call.reply(200, {
    ...empty,
    ...parts,
    ...(!call.isAtLeast("1.42") && { BuilderSize: usage.buildCache.size }),
  });
}

/** `type`, since 1.42. @throws Failure("invalid") in Docker's words */
function kindsAsked(call: Call): ReadonlySet<Kind> {
  const asked = call.isAtLeast("1.42") ? call.query.getAll("type") : [];
  if (asked.length === 0) return new Set(kinds);
  const unknown = asked.find((kind) => !kinds.some((known) => known === kind));
  if (unknown !== undefined) throw new Failure("invalid", `unknown object type: ${unknown}`);
  return new Set(asked as Kind[]);
}

function cacheItemShown(call: Call, item: BuildCacheItem): object {
  return {
    ID: item.id,
    // Steps stand on the layers of those before them, of which there are no records of their own.
    ...(!call.isAtLeast("1.42") && { Parent: "" }),
    Type: item.recordType,
    Description: item.description,
    InUse: item.inUse,
    Shared: item.shared,
    Size: item.size,
    CreatedAt: item.createdAt ?? item.lastUsedAt,
    LastUsedAt: item.lastUsedAt,
    UsageCount: 1,
  };
}

async function containersShown(
  { engine }: Daemon,
  call: Call,
  sized: readonly ContainerUsage[],
): Promise<object[]> {
  const sizes = new Map(sized.map((container) => [container.id, container]));
  const now = Date.now();
  return (await engine.containers.overview({ all: true })).map((container) => {
    const { sizeRw, sizeRootFs } = sizes.get(container.record.ID) ?? {};
    return {
      ...containerRow(container, now, call),
      // As in Docker, without a size of nothing.
      ...(sizeRw && { SizeRw: sizeRw }),
      ...(sizeRootFs && { SizeRootFs: sizeRootFs }),
    };
  });
}
