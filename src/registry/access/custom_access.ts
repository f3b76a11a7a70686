/** An access controller of the operator's own, loaded by the name of its module (B171). */
import { createRequire } from "node:module";
import { isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Failure } from "../../errors.ts";
import { isRecord } from "./tokens/jwt.ts";
import type { AccessController } from "./types.ts";

/**
 * Imports `module` (a path, or a package's name as seen from the working directory) and calls its default export with
 * `options`; what comes back is the controller.
 *
 * @throws Failure "invalid" if there is no such module, or it does not give a controller
 */
export async function loadCustomAccess(module: string, options: unknown): Promise<AccessController> {
  const { default: create } = (await importModule(module)) as { readonly default?: unknown };
  if (typeof create !== "function")
    throw new Failure("invalid", `auth.custom.module: ${module} has no function as its default export`);
  const controller: unknown = await (create as (options: unknown) => unknown)(options);
  if (!isController(controller))
    throw new Failure("invalid", `auth.custom.module: ${module} gives no object with a method "authorize"`);
  return controller;
}

async function importModule(module: string): Promise<unknown> {
  try {
    const isPath = isAbsolute(module) || module.startsWith(".");
    const file = isPath ? resolve(module) : createRequire(join(process.cwd(), "x.js")).resolve(module);
    return await import(pathToFileURL(file).href);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new Failure("invalid", `auth.custom.module: cannot load ${module}: ${reason}`, { cause });
  }
}

function isController(value: unknown): value is AccessController {
  return (
    (isRecord(value) || typeof value === "object") &&
    typeof (value as AccessController)?.authorize === "function"
  );
}
