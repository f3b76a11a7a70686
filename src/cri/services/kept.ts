/** What Kubernetes says of sandboxes and containers, and is to be told again: kept with the pod's and the container's record. */
import type { ContainerRecord, PodRecord } from "../../engine/index.ts";
import type { Read } from "../../rpc/index.ts";
import type { ContainerConfig, SandboxConfig } from "../protocol/index.ts";

export type SandboxSaid = Read<typeof SandboxConfig>;
export type ContainerSaid = Read<typeof ContainerConfig>;

export function sandboxSaid(pod: PodRecord): SandboxSaid {
  return pod.data as SandboxSaid;
}

/** A label, since records of containers have a place for those only. */
const label = "io.varve.cri";
/** As kubelet's own labels; for people and their filters. */
const sandboxLabel = "io.kubernetes.sandbox.id";

/** Of a container that belongs to a sandbox. */
export interface ContainerKept {
  readonly sandboxId: string;
  readonly said: ContainerSaid;
  /** On this machine; "": nothing is logged. */
  readonly logPath: string;
}

export function labelsOf(kept: ContainerKept): Record<string, string> {
  return { ...kept.said.labels, [sandboxLabel]: kept.sandboxId, [label]: JSON.stringify(kept) };
}

/** Undefined: it is none of Kubernetes'. */
export function keptOf({ Config }: ContainerRecord): ContainerKept | undefined {
  return keptIn(Config.Labels ?? {});
}

/** The sandbox of a container, by its labels. Undefined as {@link keptOf}. */
export function sandboxIn(labels: Readonly<Record<string, string>>): string | undefined {
  return keptIn(labels)?.sandboxId;
}

function keptIn({ [label]: text }: Readonly<Record<string, string>>): ContainerKept | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as ContainerKept;
  } catch {
    // Somebody else has such a label.
    return undefined;
  }
}

/** Whether all that a selector asks for is there. */
export function isSelected(
  labels: Readonly<Record<string, string>>,
  selector: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(selector).every(
    ([name, value]) => Object.hasOwn(labels, name) && labels[name] === value,
  );
}
