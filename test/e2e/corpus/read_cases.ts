import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Case, CaseFile } from "./types.ts";

const folder = join(import.meta.dirname, "../../fixtures/dockerfiles/build");

/** Names of the only cases that are wanted; for whoever writes one. */
const wanted = process.env["VARVE_CASES"]?.split(",");

/** All cases, by name. @throws Error for one that is not written as types.ts has it */
export function readCases(): Case[] {
  return readdirSync(folder)
    .sort()
    .filter((name) => wanted?.includes(name) ?? true)
    .filter((name) => existsSync(join(folder, name, "case.json")))
    .map((name) => {
      const path = join(folder, name);
      const read = JSON.parse(readFileSync(join(path, "case.json"), "utf8")) as CaseFile;
      const wrong = Object.keys(read).find((key) => !keys.has(key));
      if (wrong !== undefined) throw new Error(`${path}/case.json: unknown key ${wrong}`);
      return { ...read, name, path };
    });
}

const keys = new Set("about peer peerFile classic options files run fails differences".split(" "));
