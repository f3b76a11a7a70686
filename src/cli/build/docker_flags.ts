/** Flags of `docker build` and `docker buildx build` that change nothing here, or that cannot be honoured. */
import { Failure } from "../../errors.ts";
import type { Flags } from "../kit/index.ts";

/** None is in the help: they are for command lines that were written for Docker. */
export const dockerFlags = {
  /** The image is in the store, containers of steps are always removed, there is no daemon to send anything to. */
  load: { kind: "boolean", hidden: true, help: "Keep the image in the store, as is done anyway" },
  rm: { kind: "boolean", default: true, hidden: true, help: "Remove containers of steps, as is done anyway" },
  "force-rm": { kind: "boolean", hidden: true, help: "Remove them after a failure, as is done anyway" },
  compress: { kind: "boolean", hidden: true, help: "Compress the context on its way to a daemon" },
  "disable-content-trust": { kind: "boolean", default: true, hidden: true, help: "Do not verify signatures" },
  builder: { kind: "string", hidden: true, help: "Builder instance" },
  isolation: { kind: "string", hidden: true, help: "Isolation technology; default only" },
  provenance: { kind: "string", bare: "true", hidden: true, help: "Attestation of provenance; false only" },
  sbom: { kind: "string", bare: "true", hidden: true, help: "Attestation of contents; false only" },
  attest: { kind: "list", hidden: true, help: "Not supported" },
  annotation: { kind: "list", hidden: true, help: "Not supported" },
  memory: { kind: "string", short: "m", hidden: true, help: "Not supported" },
  "memory-swap": { kind: "string", hidden: true, help: "Not supported" },
  "cpu-period": { kind: "string", hidden: true, help: "Not supported" },
  "cpu-quota": { kind: "string", hidden: true, help: "Not supported" },
  "cpu-shares": { kind: "string", short: "c", hidden: true, help: "Not supported" },
  "cpuset-cpus": { kind: "string", hidden: true, help: "Not supported" },
  "cpuset-mems": { kind: "string", hidden: true, help: "Not supported" },
  "shm-size": { kind: "string", hidden: true, help: "Not supported" },
  ulimit: { kind: "list", hidden: true, help: "Not supported" },
  "cgroup-parent": { kind: "string", hidden: true, help: "Not supported" },
  "security-opt": { kind: "list", hidden: true, help: "Not supported" },
} as const satisfies Flags;

const limits = "varve build does not limit what RUN commands use";
const attestations = "varve build makes no attestations";
const security = "RUN commands have Docker's default profile";

const reasons: Readonly<Partial<Record<string, string>>> = {
  memory: limits,
  "memory-swap": limits,
  "cpu-period": limits,
  "cpu-quota": limits,
  "cpu-shares": limits,
  "cpuset-cpus": limits,
  "cpuset-mems": limits,
  ulimit: limits,
  "cgroup-parent": limits,
  "shm-size": "/dev/shm of RUN commands has 64 MB",
  "security-opt": security,
  attest: attestations,
  annotation: "varve build writes no annotations",
};

/** Values with which the others say no more than what is so anyway. */
const harmless: Readonly<Partial<Record<string, readonly [reason: string, ...values: string[]]>>> = {
  isolation: [security, "", "default"],
  provenance: [attestations, "false"],
  sbom: [attestations, "false"],
};

/**
 * Throws `Failure("unsupported")` for a flag whose wish would silently not be done.
 * @param given names of the flags on the command line
 */
export function refuseDockerFlags(
  given: ReadonlySet<string>,
  values: Readonly<Record<string, unknown>>,
): void {
  for (const name of given) {
    const reason = reasons[name];
    if (reason !== undefined) throw new Failure("unsupported", `--${name} is not supported: ${reason}`);
    const [why, ...taken] = harmless[name] ?? [];
    const value = String(values[name]);
    if (why !== undefined && !taken.includes(value))
      throw new Failure("unsupported", `--${name}=${value} is not supported: ${why}`);
  }
}
