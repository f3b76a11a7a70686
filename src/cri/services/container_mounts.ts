/** What Kubernetes has mounted in a container: host paths, images, the memory that a pod shares. */
import { isAbsolute } from "node:path";
import type { PodRecord } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import type { MountSpec } from "../../wire/index.ts";
import { namespaceModes } from "../protocol/index.ts";
import type { ContainerSaid } from "./kept.ts";

type MountSaid = ContainerSaid["mounts"][number];

/** By `MountPropagation`; what is private is the engine's to decide, which lets binds of its own root follow. */
const propagations = [undefined, "rslave", "rshared"];

/** @throws Failure("invalid") */
export function mountsOf(pod: PodRecord, { mounts, linux }: ContainerSaid): MountSpec[] {
  const own = mounts.map((mount): MountSpec => {
    const { containerPath, hostPath, readOnly } = mount;
    const Propagation = propagations[mount.propagation];
    if (isImage(mount)) return imageMount(mount);
    if (!isAbsolute(hostPath))
      throw new Failure("invalid", `mount ${containerPath}: ${hostPath} is not absolute`);
    return {
      Type: "bind",
      Source: hostPath,
      Target: containerPath,
      ReadOnly: readOnly,
      BindOptions: {
        ...(Propagation !== undefined && { Propagation }),
        CreateMountpoint: true,
        ...(isRecursive(mount)
          ? { ReadOnlyForceRecursive: true }
          : readOnly && { ReadOnlyNonRecursive: true }),
      },
    };
  });
  const sharesMemory =
    linux?.security?.namespaces?.ipc !== namespaceModes.node &&
    !own.some(({ Target }) => Target === "/dev/shm");
  return sharesMemory ? [...own, { Type: "bind", Source: pod.sharedMemory, Target: "/dev/shm" }] : own;
}

const isImage = ({ image }: MountSaid): boolean => image !== undefined && image.image !== "";

/**
 * The CRI has it always read-only, and asks for nothing else beside it.
 * @throws Failure("invalid") for one that is to be a host path as well
 */
function imageMount({ containerPath, hostPath, image, imageSubPath }: MountSaid): MountSpec {
  if (hostPath !== "") throw new Failure("invalid", `mount ${containerPath}: it is an image and a host path`);
  return {
    Type: "image",
    Source: image?.image ?? "",
    Target: containerPath,
    ...(imageSubPath !== "" && { ImageOptions: { Subpath: imageSubPath } }),
  };
}

/** @throws Failure("invalid") for read-only all through with what the CRI does not allow beside it */
function isRecursive({ recursiveReadOnly, readOnly, propagation, containerPath }: MountSaid): boolean {
  if (recursiveReadOnly && (!readOnly || propagation !== 0))
    throw new Failure(
      "invalid",
      `mount ${containerPath}: recursive_read_only needs readonly, and private propagation`,
    );
  return recursiveReadOnly;
}
