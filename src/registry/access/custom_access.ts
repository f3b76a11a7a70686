/** An access controller of the operator's own, loaded by the name of its module (B171). */
import { createRequire } from "node:module";
import { isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Failure } from "../../errors.ts";
import { RegistryError } from "../registry_error.ts";
import type { AccessController, AccessRefusal, AccessRequest, Identity } from "./types.ts";

/**
 * Imports `module` (a path, or a package's name as seen from the working directory) and calls its default export with
 * `options`; what comes back is the controller. It may refuse by an `AccessRefusal`.
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
  return { authorize: (request) => ask(module, controller, request) };
}

async function ask(module: string, controller: AccessController, request: AccessRequest): Promise<Identity> {
  let identity: unknown;
  try {
    identity = await controller.authorize(request);
  } catch (error) {
    if (isRefusal(error)) throw refusalOf(error);
    throw error;
  }
  // Who forgets to answer must not let everybody in.
  if (!isIdentity(identity))
    throw new Failure("internal", `the access controller ${module} gives no identity`);
  return identity;
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

function refusalOf({ code, challenge }: AccessRefusal): RegistryError {
  return new RegistryError(
    code,
    [undefined],
    challenge === undefined ? {} : { "WWW-Authenticate": challenge },
  );
}

function isRefusal(error: unknown): error is AccessRefusal {
  const { code, challenge } = fieldsOf<AccessRefusal>(error);
  return (code === "UNAUTHORIZED" || code === "DENIED") && ["string", "undefined"].includes(typeof challenge);
}

function isController(value: unknown): value is AccessController {
  return typeof fieldsOf<AccessController>(value).authorize === "function";
}

function isIdentity(value: unknown): value is Identity {
  const { user, groups } = fieldsOf<Identity>(value);
  return ["string", "undefined"].includes(typeof user) && Array.isArray(groups);
}

function fieldsOf<Shape>(value: unknown): { readonly [Key in keyof Shape]?: unknown } {
  return typeof value === "object" && value !== null ? value : {};
}
