/** The program of `--init`, as a daemon's operator chose it: a link in the root, so that every process on it knows it. */
import { randomUUID } from "node:crypto";
import { mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { findInit } from "../../runtime/index.ts";

/** @param path undefined: whatever the machine has */
export function configureInit(root: string, path: string | undefined): void {
  const link = linkOf(root);
  if (path === undefined) return rmSync(link, { force: true });
  mkdirSync(join(root, "varve"), { recursive: true, mode: 0o711 });
  const beside = `${link}.${randomUUID()}`;
  symlinkSync(path, beside);
  renameSync(beside, link);
}

/**
 * Its path. That of an operator need not be there: the runtime says so then.
 * @throws Failure("unsupported") in Docker's words for a name that is not in PATH
 */
export async function initProgram(root: string): Promise<string> {
  return findInit(configuredInit(root));
}

/** Undefined: nobody has chosen one. */
function configuredInit(root: string): string | undefined {
  try {
    return readlinkSync(linkOf(root));
  } catch {
    return undefined;
  }
}

const linkOf = (root: string): string => join(root, "varve", "init");
