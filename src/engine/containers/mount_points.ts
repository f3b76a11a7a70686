/** `-v host:container[:ro]`: the binds of a container (named volumes come with the daemon). */
import { isAbsolute, normalize } from "node:path/posix";
import { Failure } from "../../errors.ts";
import type { HostConfig, MountPoint } from "./record.ts";

/** One bind, parsed. Throws `Failure("invalid")` in Docker's words. */
export function parseBind(text: string): MountPoint {
  const [source, destination, options = "", ...rest] = text.split(":");
  const bad = (why: string, hint?: string): Failure =>
    new Failure(
      "invalid",
      `invalid volume specification: '${text}'${why}`,
      hint === undefined ? {} : { hint },
    );
  if (source === undefined || destination === undefined || rest.length > 0 || source === "") throw bad("");
  if (!isAbsolute(destination))
    throw bad(`: invalid mount config for type "bind": mount path must be absolute`);
  if (!isAbsolute(source)) throw bad("", "named volumes come with the daemon; give an absolute host path");
  if (normalize(destination) === "/") throw bad(": destination can't be '/'");
  const words = options === "" ? [] : options.split(",");
  const unknown = words.find(
    (word) => !/^(ro|rw|z|Z|r?(shared|slave|private)|nocopy|consistent)$/.test(word),
  );
  if (unknown !== undefined) throw bad(`: invalid mode: ${unknown}`);
  return {
    Source: normalize(source),
    Destination: normalize(destination),
    RW: !words.includes("ro"),
    Name: "",
    Driver: "",
    Type: "bind",
    Propagation: words.find((word) => /shared|slave|private/.test(word)) ?? "rprivate",
  };
}

/** All binds by destination, as Docker's record keeps them. */
export function mountPoints(hostConfig: HostConfig): Record<string, MountPoint> {
  const points = (hostConfig.Binds ?? []).map(parseBind);
  return Object.fromEntries(points.map((point) => [point.Destination, point]));
}
