/**
 * Platforms and how one is chosen from an index (OCI image spec, image-index.md; the rules of choice are those of
 * containerd's `platforms` package: normalisation in database.go, order in compare.go).
 */
import type { Descriptor } from "./descriptor.ts";
import { Failure } from "../errors.ts";

/** A platform as an index names it (OCI image spec, image-index.md). */
export interface Platform {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly "os.version"?: string;
  readonly "os.features"?: readonly string[];
  readonly [unknown: string]: unknown;
}

const osAliases: Record<string, string> = { macos: "darwin", win32: "windows" };
/** Other spellings of an architecture: [architecture, variant]. */
const architectureAliases: Record<string, readonly [string, string?]> = {
  x86_64: ["amd64"],
  "x86-64": ["amd64"],
  x64: ["amd64"],
  i386: ["386"],
  i686: ["386"],
  ia32: ["386"],
  aarch64: ["arm64"],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
  armv7l: ["arm", "v7"],
  armv6l: ["arm", "v6"],
  mipsel: ["mipsle"],
  mips64el: ["mips64le"],
};
/** What an architecture without a variant means. */
const defaultVariant: Record<string, string> = { amd64: "v1", arm: "v7", arm64: "v8" };

const knownOs = new Set(
  "aix android darwin dragonfly freebsd illumos ios js linux netbsd openbsd plan9 solaris windows".split(" "),
);
const knownArchitecture = new Set(
  "386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x wasm".split(" "),
);

/** Reads `os`, `arch`, `os/arch` or `os/arch/variant`. What is left out is the host's. Throws `Failure("invalid")`. */
export function parsePlatform(text: string): Platform {
  const parts = text.split("/");
  if (parts.length > 3 || !parts.every((part) => /^[A-Za-z0-9_.-]+$/.test(part))) {
    throw new Failure(
      "invalid",
      `"${text.slice(0, 100)}": cannot parse platform specifier: invalid argument`,
      {
        hint: "A platform is OS/ARCHITECTURE[/VARIANT], as in linux/amd64 or linux/arm/v7.",
      },
    );
  }
  const [first, architecture, variant] = parts as [string, string?, string?];
  if (architecture !== undefined) {
    return normalizePlatform({ os: first, architecture, ...(variant === undefined ? {} : { variant }) });
  }
  const host = hostPlatform();
  const asOs = normalizePlatform({ ...host, os: first });
  if (knownOs.has(asOs.os)) return asOs;
  const asArchitecture = normalizePlatform({ os: host.os, architecture: first });
  if (knownArchitecture.has(asArchitecture.architecture)) return asArchitecture;
  throw new Failure("invalid", `"${text}": unknown operating system or architecture: invalid argument`);
}

/** The platform of this machine; images always run on Linux, so a Mac or Windows host looks for Linux images. */
export function hostPlatform(): Platform {
  const armVersion = (process.config.variables as { arm_version?: string }).arm_version;
  const variant = process.arch === "arm" && armVersion !== undefined ? { variant: armVersion } : {};
  return normalizePlatform({ os: "linux", architecture: process.arch, ...variant });
}

/** `linux/amd64`, `linux/arm/v7`; a variant that goes without saying (amd64 v1, arm64 v8) is left out. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = normalizePlatform(platform);
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}

/** One spelling for each platform: `x86_64` is `amd64`, `arm` is `arm/v7`, `arm64/v8` is `arm64`. Other fields stay. */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const named = platform.architecture.toLowerCase();
  const [architecture, implied] = architectureAliases[named] ?? [named];
  const given = (platform.variant ?? "").toLowerCase() || implied || "";
  const { variant: _, ...rest } = platform;
  const variant = normalVariant(architecture, given);
  return { ...rest, os: osAliases[os] ?? os, architecture, ...(variant === "" ? {} : { variant }) };
}

function normalVariant(architecture: string, given: string): string {
  if (!(architecture in defaultVariant)) return given;
  const numbered = /^\d/.test(given) ? `v${given}` : given;
  const variant = architecture === "arm64" ? numbered.replace(/\.0$/, "") : numbered;
  if (architecture === "arm") return variant === "" ? "v7" : variant;
  return variant === defaultVariant[architecture] ? "" : variant;
}

/**
 * The descriptor that suits `wanted` best, or undefined. Best is the exact variant, then lower ones (arm v7, v6, v5;
 * amd64 v3, v2, v1), then what the processor also runs (386 on amd64, arm on arm64); among equals the first listed.
 * Attestations (`unknown/unknown`) are no images and never chosen. A descriptor without platform is the last resort.
 */
export function selectPlatform(descriptors: readonly Descriptor[], wanted: Platform): Descriptor | undefined {
  const order = runnable(normalizePlatform(wanted));
  let best: { readonly descriptor: Descriptor; readonly rank: number } | undefined;
  for (const descriptor of descriptors) {
    if (isAttestation(descriptor)) continue;
    const rank = descriptor.platform ? rankOf(descriptor.platform, order) : order.length;
    if (rank >= 0 && (best === undefined || rank < best.rank)) best = { descriptor, rank };
  }
  return best?.descriptor;
}

/** Whether what is of one platform runs on another: `wanted` itself, or a lower variant of it. */
export function suitsPlatform(candidate: Platform, wanted: Platform): boolean {
  return rankOf(candidate, runnable(normalizePlatform(wanted))) >= 0;
}

/** Whether a manifest of an index is a BuildKit attestation (provenance, SBOM) and not an image. */
export function isAttestation(descriptor: Descriptor): boolean {
  const { platform, annotations } = descriptor;
  return (
    annotations?.["vnd.docker.reference.type"] === "attestation-manifest" ||
    (platform?.os === "unknown" && platform.architecture === "unknown")
  );
}

function rankOf(candidate: Platform, order: readonly string[]): number {
  return order.indexOf(keyOf(normalizePlatform(candidate)));
}

function keyOf(platform: Platform): string {
  const variant = platform.variant ?? defaultVariant[platform.architecture] ?? "";
  return `${platform.os}/${platform.architecture}/${variant}`;
}

/** Keys of everything that runs on a normalised platform, best first (containerd's `platformVector`). */
function runnable(platform: Platform): string[] {
  const { os, architecture } = platform;
  const variant = platform.variant ?? defaultVariant[architecture] ?? "";
  const keys = (of: string, variants: readonly string[]): string[] => variants.map((v) => `${os}/${of}/${v}`);
  switch (architecture) {
    case "amd64":
      return [...keys("amd64", downTo(variant, 1)), `${os}/386/`];
    case "arm":
      return keys("arm", downTo(variant, 5));
    case "arm64":
      return [...keys("arm64", arm64Variants(variant)), ...keys("arm", downTo("v8", 5))];
    default:
      return keys(architecture, [variant]);
  }
}

/** `v7` down to 5: v7, v6, v5. A variant without a number stands alone. */
function downTo(variant: string, lowest: number): string[] {
  const highest = Number(/^v(\d)$/.exec(variant)?.[1] ?? 0);
  return [variant, ...Array.from({ length: Math.max(0, highest - lowest) }, (_, i) => `v${highest - 1 - i}`)];
}

/** Armv9.n also runs all of Armv8.(n+5), up to v8.9 (containerd, `arm64variantToVersion`). */
function arm64Variants(variant: string): string[] {
  const [, major, minor = "0"] = /^v([89])(?:\.(\d))?$/.exec(variant) ?? [];
  if (major === undefined) return [variant];
  const minors = (of: string, from: number): string[] =>
    Array.from({ length: from + 1 }, (_, i) => (i === from ? of : `${of}.${from - i}`));
  const own = minors(`v${major}`, Number(minor));
  return major === "8" ? own : [...own, ...minors("v8", Math.min(Number(minor) + 5, 9))];
}
