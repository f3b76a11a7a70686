/** The engines that this machine has. */
import { type BenchOptions, isChosen } from "../options.ts";
import { buildah } from "./buildah.ts";
import { containerd } from "./containerd.ts";
import { dockerd } from "./dockerd.ts";
import { podman } from "./podman.ts";
import { skopeo } from "./skopeo.ts";
import type { Peer } from "./types.ts";
import { varve, type VarveCommand } from "./varve.ts";

const peerNames = [
  "varve",
  "varve-overlay2",
  "dockerd",
  "podman",
  "ctr",
  "skopeo",
  "buildah",
  "buildah-layers",
];

export interface FoundPeers {
  readonly pulling: readonly Peer[];
  readonly building: readonly Peer[];
}

/** Those that were chosen and are installed. @param note is told of those that are not */
export function findPeers(
  options: BenchOptions,
  command: VarveCommand,
  note: (text: string) => void,
): FoundPeers {
  const isHere = hereFor(options, note);
  const both = [varve(command, "erofs"), varve(command, "overlay2"), dockerd].filter(isHere);
  const pulling = [podman, containerd, skopeo].filter(isHere);
  const building = [buildah({ layers: false }), buildah({ layers: true })].filter(isHere);
  return { pulling: [...both, ...pulling], building: [...both, ...building] };
}

function hereFor(options: BenchOptions, note: (text: string) => void): (peer: Peer) => boolean {
  return (peer) => {
    if (!isChosen(options, peer.name, peerNames)) return false;
    try {
      peer.version();
      return true;
    } catch {
      note(`${peer.name} is not installed: left out`);
      return false;
    }
  };
}
