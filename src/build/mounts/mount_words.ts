/** The words of a `--mount`, which say numbers and paths. */
import { posix } from "node:path";
import type { RunMount } from "../../dockerfile/index.ts";
import { Failure } from "../../errors.ts";

/**
 * Absolute path of the mount in the container. @param target default: what the instruction says
 * @throws {Failure} `invalid` for none, and for the root
 */
export function targetOf(mount: RunMount, workingDir: string, target = mount.target): string {
  if (target === undefined || target === "") throw invalid(`a mount of type ${mount.type} needs a target`);
  const path = posix.resolve("/", workingDir, target);
  // BuildKit's words (frontend/dockerfile/dockerfile2llb/convert_runmount.go).
  if (path === "/") throw invalid(`invalid mount target "${path}"`);
  return path;
}

export interface Access {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Mode and owner. @throws {Failure} `invalid` for words that are no numbers */
export function accessOf({ mode, uid, gid }: RunMount, defaultMode: number): Access {
  return {
    mode: mode === undefined ? defaultMode : numberOf("mode", mode, /^[0-7]{1,5}$/, 8) & 0o7777,
    uid: uid === undefined ? 0 : numberOf("uid", uid, /^\d{1,10}$/, 10),
    gid: gid === undefined ? 0 : numberOf("gid", gid, /^\d{1,10}$/, 10),
  };
}

function numberOf(name: string, text: string, form: RegExp, base: number): number {
  if (!form.test(text)) throw invalid(`invalid value ${text} for ${name}`);
  return parseInt(text, base);
}

const powers = "bkmgtp";

/** Bytes of `64m`, as Docker reads them (go-units, RAMInBytes). @throws {Failure} `invalid` */
export function sizeOf(text: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?) ?([bkmgtp]?)(?:i?b)?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * 1024 ** Math.max(powers.indexOf(unit.toLowerCase() || "b"), 0));
  if (Number.isSafeInteger(bytes)) return bytes;
  throw invalid(`invalid size: '${text}'`);
}

export function invalid(message: string): Failure {
  return new Failure("invalid", message);
}
