/**
 * Kills this process at its n-th step: before each change of a file, a mount, a FIFO, a namespace; before a program is
 * started or a shim asked, right after that, and when it has ended or answered. To be imported before what is tested, which
 * knows nothing of it. Only this thread's steps count.
 */
import type * as childProcess from "node:child_process";
import { writeSync } from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { TtrpcClient } from "../../src/runtime/ttrpc.ts";

let left = Number.POSITIVE_INFINITY;

/** Counts from now on. @param step the one that does not happen any more, from 1; it is told on the standard output */
export function killAtStep(step: number): void {
  left = step;
}

function atStep(what: string, subject: unknown): void {
  left--;
  if (left > 0) return;
  writeOut(1, typeof subject === "string" ? `${what} ${subject}` : what);
  process.kill(process.pid, "SIGKILL");
}

type Functions = Record<string, (...args: unknown[]) => unknown>;

/** As it was: what is written by it is no step. */
const writeOut = writeSync;
const require = createRequire(import.meta.url);

const changes =
  "appendFile chmod chown copyFile cp link mkdir rename rm rmdir symlink truncate unlink utimes writeFile".split(
    " ",
  );
const calls =
  "mount umount2 mkdirat mknodat unlinkat renameat linkat symlinkat ftruncate write pwrite read tee setns unshare".split(
    " ",
  );

function countFiles(): void {
  const files = require("node:fs") as Functions & { readonly promises: Functions };
  for (const name of changes) {
    count(files.promises, name);
    count(files, `${name}Sync`);
  }
  for (const name of ["writeSync", "ftruncateSync"]) count(files, name);
}

function count(functions: Functions, name: string): void {
  const original = functions[name];
  if (original === undefined) throw new Error(`node:fs has no ${name}`);
  functions[name] = (...args) => {
    atStep(name, args[0]);
    return original.apply(functions, args);
  };
}

/** Functions of the C library. */
function countCalls(): void {
  const koffi = require("koffi") as { load(path: string | null): { func(...words: unknown[]): CFunction } };
  const { load } = koffi;
  koffi.load = (path) => {
    const library = load(path);
    const func = (...prototype: unknown[]): CFunction => {
      const original = library.func(...prototype);
      const name = String(prototype[0]);
      if (!calls.includes(name)) return original;
      return (...args) => {
        atStep(
          name,
          args.find((arg) => typeof arg === "string"),
        );
        return original(...args);
      };
    };
    return { func };
  };
}

type CFunction = (...args: unknown[]) => unknown;

function countPrograms(): void {
  const programs = require("node:child_process") as { spawn: typeof childProcess.spawn };
  const { spawn } = programs;
  programs.spawn = ((program: string, ...rest: [readonly string[], childProcess.SpawnOptions]) => {
    atStep("spawn", program);
    const child = spawn(program, ...rest);
    atStep("spawned", program);
    child.once("exit", () => atStep("ended", program));
    return child;
  }) as typeof childProcess.spawn;
}

function countRequests(): void {
  const { call } = TtrpcClient.prototype;
  TtrpcClient.prototype.call = async function (service, method, payload) {
    atStep("ask", method);
    const answer = call.call(this, service, method, payload);
    atStep("asked", method);
    return answer.finally(() => atStep("answered", method));
  };
}

countFiles();
countCalls();
countPrograms();
countRequests();
syncBuiltinESMExports();
