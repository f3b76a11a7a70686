/** `platform` of a new container: its image must be of it. */
import { ApiError } from "../../../http/index.ts";

const systems = ["linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "solaris", "wasip1", "js"];
const architectures =
  "386 amd64 arm arm64 ppc64 ppc64le mips mipsle mips64 mips64le s390x riscv64 loong64 wasm".split(" ");

interface PlatformOfImage {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/**
 * @param text `linux/arm64/v8`, `linux`, `arm64`; empty for any
 * @throws ApiError in Docker's words (moby, daemon/images/image.go; containerd, platforms.go)
 */
export function checkPlatform(text: string, imageName: string, image: PlatformOfImage): void {
  if (text === "") return;
  const [os, architecture, variant] = parsed(text);
  const fits =
    os === image.os &&
    architecture === image.architecture &&
    (variant === undefined || image.variant === undefined || variant === image.variant);
  if (fits) return;
  const wanted = [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
  const actual = [image.os, image.architecture, ...(image.variant ? [image.variant] : [])].join("/");
  throw new ApiError(
    404,
    `image with reference ${imageName} was found but does not match the specified platform: wanted ${wanted}, actual: ${actual}`,
  );
}

const here = process.arch === "x64" ? "amd64" : process.arch;

function parsed(text: string): [os: string, architecture: string, variant?: string] {
  const parts = text.toLowerCase().split("/");
  const bad = (): ApiError =>
    new ApiError(400, `${JSON.stringify(text)}: unknown operating system or architecture: invalid argument`);
  if (parts.length > 3 || parts.some((part) => !/^[\w.-]+$/.test(part))) throw bad();
  const [first = "", second, variant] = parts;
  if (second === undefined) {
    if (systems.includes(first)) return [first, here];
    const architecture = normal(first);
    if (architecture === undefined) throw bad();
    return ["linux", architecture];
  }
  return variant === undefined
    ? [first, normal(second) ?? second]
    : [first, normal(second) ?? second, variant];
}

function normal(architecture: string): string | undefined {
  const usual = { x86_64: "amd64", "x86-64": "amd64", aarch64: "arm64", i386: "386" }[architecture];
  return usual ?? architectures.find((each) => each === architecture);
}
