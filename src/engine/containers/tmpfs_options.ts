/** What `--mount type=tmpfs` asks for, as options of the file system (moby, volume/mounts, `ConvertTmpfsOptions`). */
import { Failure } from "../../errors.ts";
import type { MountSpec } from "../../wire/index.ts";

/** `ro,mode=700,size=64m`. @throws Failure("invalid") for an option that there is not */
export function tmpfsOptionsOf({ ReadOnly, TmpfsOptions = {} }: MountSpec): string {
  const { Mode = 0, SizeBytes = 0, Options = [] } = TmpfsOptions;
  return [
    ...(ReadOnly === true ? ["ro"] : []),
    ...(Mode === 0 ? [] : [`mode=${Mode.toString(8)}`]),
    ...(SizeBytes === 0 ? [] : [`size=${sizeText(SizeBytes)}`]),
    ...Options.map(optionText),
  ].join(",");
}

function sizeText(bytes: number): string {
  for (const [suffix, divisor] of [
    ["g", 2 ** 30],
    ["m", 2 ** 20],
    ["k", 2 ** 10],
  ] as const) {
    if (bytes % divisor === 0) return `${bytes / divisor}${suffix}`;
  }
  return String(bytes);
}

function optionText(option: readonly string[]): string {
  const [name = ""] = option;
  if (option.length < 1 || option.length > 2) throw new Failure("invalid", "invalid option array length");
  if (name !== "exec" && name !== "noexec") throw new Failure("invalid", `invalid option: ${name}`);
  return option.join("=");
}
