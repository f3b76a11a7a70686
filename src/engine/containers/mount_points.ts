/** What is mounted in a container besides its own files: `-v`, `--mount`, `--volumes-from`, the image's volumes (B181). */
import { isAbsolute, join, normalize } from "node:path/posix";
import { Failure, isFailure } from "../../errors.ts";
import type { ContainerConfig } from "../../oci/index.ts";
import type { MountSpec } from "../../wire/index.ts";
import type { CreateVolumeOptions } from "../volumes/create_volume.ts";
import { parseMountMode } from "./mount_mode.ts";
import { checkMountSpec, readMountSpec } from "./mount_spec.ts";
import type { ContainerRecord, HostConfig, MountPoint } from "./record.ts";

export interface PlannedMount {
  /** As the record is to have it; a volume's name, driver and source are set when it has been made. */
  readonly point: MountPoint;
  /** What is to be made for it, if it is not there; only volumes have it that are not another container's. */
  readonly volume?: CreateVolumeOptions & { readonly fromImage?: boolean };
  /** Whether an empty volume gets the image's content. */
  readonly copy: boolean;
}

/**
 * All mount points of a new container, by moby's rules of who wins (daemon/volumes.go, `registerMountPoints`).
 * @param find the container that `--volumes-from` names
 * @throws Failure("invalid") in Docker's words
 */
export async function mountPoints(
  config: Pick<ContainerConfig, "Volumes">,
  hostConfig: HostConfig,
  find: (text: string) => Promise<ContainerRecord>,
): Promise<PlannedMount[]> {
  const driver = hostConfig.VolumeDriver ?? "";
  const tmpfs = new Set(Object.keys(hostConfig.Tmpfs ?? {}).map(clean));
  const planned = new Map<string, PlannedMount>();
  const add = (plan: PlannedMount): void => void planned.set(plan.point.Destination, plan);
  for (const text of hostConfig.VolumesFrom ?? []) for (const plan of await borrowed(text, find)) add(plan);
  const asked = [
    ...(hostConfig.Binds ?? []).map((text) => parseBind(text, driver)),
    ...(hostConfig.Mounts ?? []).map(planMount),
  ];
  const seen = new Set(tmpfs);
  for (const plan of asked) {
    const { Destination } = plan.point;
    if (seen.has(Destination)) throw new Failure("invalid", `Duplicate mount point: ${Destination}`);
    seen.add(Destination);
    add(plan);
  }
  for (const path of Object.keys(config.Volumes ?? {})) {
    const plan = planImageVolume(path, driver);
    const { Destination } = plan.point;
    if (!planned.has(Destination) && !tmpfs.has(Destination)) add(plan);
  }
  return [...planned.values()];
}

/** What is mounted below it stays as it is; else it is read-only, too, where the mount is. */
export function flatReadOnly(point: MountPoint): MountPoint {
  const { RW, Spec } = point;
  if (RW) return point;
  return { ...point, Spec: { ...Spec, BindOptions: { ...Spec?.BindOptions, ReadOnlyNonRecursive: true } } };
}

/**
 * One `-v`: `/host:/path[:mode]`, `name:/path[:mode]` or `/path`.
 * @throws Failure("invalid") in Docker's words
 */
export function parseBind(text: string, volumeDriver = ""): PlannedMount {
  const invalid = new Failure("invalid", `invalid volume specification: '${text}'`);
  const parts = text.split(":");
  const [first = "", second, modeText = ""] = parts;
  if (
    first === "" ||
    parts.length > 3 ||
    (parts.length === 2 && parseMountMode(second ?? "") !== undefined)
  ) {
    throw invalid;
  }
  const mode = parseMountMode(modeText);
  if (mode === undefined) throw new Failure("invalid", `invalid mode: ${modeText}`);
  const [Source, Target] = second === undefined ? ["", first] : [first, second];
  const isBind = isAbsolute(Source);
  const driver = volumeDriver !== "" && !isBind;
  const spec: MountSpec = {
    Type: isBind ? "bind" : "volume",
    ...(Source !== "" && { Source }),
    Target,
    ...(mode.readOnly && { ReadOnly: true }),
    ...(mode.propagation !== undefined && { BindOptions: { Propagation: mode.propagation } }),
    ...((mode.noCopy || driver) && {
      VolumeOptions: {
        ...(mode.noCopy && { NoCopy: true }),
        ...(driver && { DriverConfig: { Name: volumeDriver } }),
      },
    }),
  };
  try {
    checkMountSpec(spec, { source: false });
  } catch (cause) {
    if (!isFailure(cause, "invalid")) throw cause;
    throw new Failure("invalid", `${invalid.message}: ${cause.message}`, { cause });
  }
  return planSpec(spec, modeText);
}

/** One `--mount`. */
function planMount(given: unknown): PlannedMount {
  const spec = readMountSpec(given);
  checkMountSpec(spec, { source: true });
  const { point, ...plan } = planSpec(spec, "");
  const make = spec.BindOptions?.CreateMountpoint === true;
  return { ...plan, point: { ...point, SkipMountpointCreation: spec.Type === "bind" && !make } };
}

/** @param mode as it was written */
function planSpec(spec: MountSpec, mode: string): PlannedMount {
  const { Source = "", Target = "", VolumeOptions = {}, BindOptions = {} } = spec;
  const { Name: driver = "", Options = {} } = VolumeOptions.DriverConfig ?? {};
  const isBind = spec.Type === "bind";
  const isVolume = spec.Type === "volume";
  const point: MountPoint = {
    Source: isBind ? clean(Source) : "",
    Destination: clean(Target),
    RW: spec.ReadOnly !== true,
    Name: isVolume ? Source : "",
    Driver: isVolume ? driver : "",
    Type: spec.Type as MountPoint["Type"],
    ...(mode !== "" && { Relabel: mode }),
    ...((isBind || spec.Type === "image") && { Propagation: BindOptions.Propagation ?? "rprivate" }),
    Spec: spec,
    SkipMountpointCreation: false,
  };
  if (!isVolume) return { point, copy: false };
  const volume = { name: Source, driver, options: Options, labels: VolumeOptions.Labels ?? {} };
  return { point, volume, copy: VolumeOptions.NoCopy !== true };
}

/** `VOLUME` of an image, or `-v /path` as docker's CLI sends it. */
function planImageVolume(path: string, driver: string): PlannedMount {
  const Destination = clean(join("/", path));
  if (Destination === "/") {
    throw new Failure("invalid", "invalid specification: destination can't be '/'");
  }
  const point: MountPoint = {
    Source: "",
    Destination,
    RW: true,
    Name: "",
    Driver: "",
    Type: "volume",
    Spec: {},
    SkipMountpointCreation: false,
  };
  return { point, volume: { driver, fromImage: true }, copy: true };
}

/** All that another container has: `container[:ro]`. */
async function borrowed(
  text: string,
  find: (text: string) => Promise<ContainerRecord>,
): Promise<PlannedMount[]> {
  if (text === "") throw new Failure("invalid", "volumes-from specification cannot be an empty string");
  const colon = text.indexOf(":");
  const [name, modeText] = colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
  const mode = parseMountMode(modeText);
  if (mode === undefined || mode.noCopy || mode.propagation !== undefined) {
    throw new Failure("invalid", `invalid mode: ${modeText}`);
  }
  let record: ContainerRecord;
  try {
    record = await find(name);
  } catch (cause) {
    // Docker's status says that the request is wrong.
    if (!isFailure(cause, "not-found")) throw cause;
    throw new Failure("invalid", cause.message, { cause });
  }
  return Object.values(record.MountPoints ?? {}).map(({ Relabel: _mode, ID: _id, ...point }) => ({
    point: { ...point, RW: point.RW && !mode.readOnly, SkipMountpointCreation: false } as MountPoint,
    copy: false,
  }));
}

function clean(path: string): string {
  return normalize(path).replace(/(?<=.)\/$/, "");
}
