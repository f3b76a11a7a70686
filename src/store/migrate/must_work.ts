/** Whether a driver works on this machine and this disk, tried out before anything is copied. */
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createDriver, type DriverName } from "../../driver/index.ts";
import { Failure } from "../../errors.ts";
import { unpackHere } from "../../layer/index.ts";
import { packTar, type TarEntry } from "../../tar/index.ts";

const content = Buffer.from("varve");
const file: TarEntry = {
  path: "file",
  type: "file",
  linkPath: "",
  mode: 0o644,
  uid: 0,
  gid: 0,
  uname: "",
  gname: "",
  size: content.length,
  mtime: 0,
  mtimeNs: 0,
  devMajor: 0,
  devMinor: 0,
};

/**
 * Makes a layer and a container's layer on it below `scratch`, an existing directory, and mounts them. Throws
 * `Failure("unsupported")` if that is not possible.
 */
export async function mustWork(name: DriverName, scratch: string, signal: AbortSignal): Promise<void> {
  const driver = createDriver(name, { root: join(scratch, name) });
  const [layer, container] = [randomBytes(32).toString("hex"), randomBytes(32).toString("hex")];
  try {
    await driver.create(layer, undefined);
    const open = async () => packTar([{ entry: file, body: content }]);
    const tarSplit = join(scratch, "tar-split.json.gz");
    await unpackHere({ target: driver.target(layer), tarSplit, open, signal }, { sync: false });
    await driver.create(container, layer, { writable: true });
    await using mounted = await driver.mount(container);
    writeFileSync(join(mounted.path, "other"), readFileSync(join(mounted.path, "file")));
  } catch (error) {
    if (signal.aborted) throw error;
    const message = `cannot migrate to ${name}, which does not work here: ${(error as Error).message}`;
    throw new Failure("unsupported", message, { cause: error });
  } finally {
    for (const id of [container, layer]) await driver.remove(id).catch(() => undefined);
  }
}
