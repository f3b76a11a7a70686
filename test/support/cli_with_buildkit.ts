import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Path of a docker CLI that has BuildKit's client in it (18.09 to 20.10): later ones leave it to buildx. */
export function cliWithBuildkit(): string | undefined {
  for (const directory of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(directory, "docker");
    if (!existsSync(path)) continue;
    const said = execFileSync(path, ["--version"], { encoding: "utf8" });
    const major = Number(/^Docker version (\d+)\./.exec(said)?.[1]);
    if (major >= 18 && major < 23) return path;
  }
  return undefined;
}
