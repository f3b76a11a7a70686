/** `--pidfile` (moby, pkg/pidfile). */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Failure } from "../../errors.ts";

/**
 * Writes it; disposing removes it, unless somebody else has written his.
 * @throws Failure("conflict") while the process that it names runs
 */
export function writePidfile(path: string): Disposable {
  const holder = read(path);
  if (holder !== undefined && holder !== process.pid && existsSync(`/proc/${holder}`)) {
    throw new Failure(
      "conflict",
      `failed to start daemon, ensure docker is not running or delete ${path}: process with PID ${holder} is still running`,
    );
  }
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true });
  writeFileSync(path, String(process.pid), { flag: "wx", mode: 0o644 });
  return {
    [Symbol.dispose]: () => {
      if (read(path) === process.pid) rmSync(path, { force: true });
    },
  };
}

function read(path: string): number | undefined {
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, "utf8").trim();
  return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
}
