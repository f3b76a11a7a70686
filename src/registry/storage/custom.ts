/**
 * A driver of the user's own: `storage: {custom: {module: ./mine.js, options: {…}}}`. The module's default export is a
 * function that takes the options and gives a {@link StorageDriver}. A path is taken from the working directory, as is the
 * name of a package. `examples/storage_driver.ts` is a sample.
 */
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Failure } from "../../errors.ts";
import { Parameters, type ParameterValues } from "./parameters.ts";
import type { StorageDriver } from "./types.ts";

const methods = ["read", "write", "writeNew", "stat", "open", "appendTo", "list", "move", "remove"] as const;

/** Throws `Failure("invalid")` for a module that cannot be loaded or gives no driver, and what the module throws. */
export async function openCustom(values: ParameterValues): Promise<StorageDriver> {
  const parameters = new Parameters("custom", values);
  const module = parameters.required("module");
  const { options = {}, module: _, ...unknown } = values;
  if (Object.keys(unknown).length > 0) {
    parameters.ignore("options");
    parameters.end();
  }
  const loaded = await load(module);
  const { default: open } = loaded;
  if (typeof open !== "function") throw wrong(module, "has no function as its default export");
  const driver = (await (open as (options: unknown) => unknown)(options)) as
    Partial<StorageDriver> | undefined;
  const missing = methods.find((method) => typeof driver?.[method] !== "function");
  if (missing !== undefined) throw wrong(module, `gives no storage driver: it has no method ${missing}`);
  if (typeof driver?.name !== "string") throw wrong(module, "gives no storage driver: it has no name");
  return driver as StorageDriver;
}

async function load(module: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const here = createRequire(resolve("package.json"));
    const path = /^\.{0,2}\//.test(module) ? resolve(module) : here.resolve(module);
    return (await import(pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new Failure(
      "invalid",
      `storage.custom.module: cannot load ${module}: ${(cause as Error).message}`,
      { cause },
    );
  }
}

function wrong(module: string, what: string): Failure {
  return new Failure("invalid", `storage.custom.module: ${module} ${what}`, {
    hint: "See examples/storage_driver.ts for what a storage driver is.",
  });
}
