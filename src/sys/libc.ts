/**
 * The C library through koffi, loaded at the first call, so that importing `sys/` costs nothing and works on
 * machines that are not Linux. A koffi handle belongs to one thread: each worker has its own copy of this module.
 */
import type * as Koffi from "koffi";
import { createRequire } from "node:module";
import { Failure } from "../errors.ts";

export type CArgument = number | bigint | string | Uint8Array | BigUint64Array | null;
/** A C function: integers come back as numbers, pointers as bigints. */
export type CFunction = (...args: CArgument[]) => number;

let koffiModule: typeof Koffi | undefined;
let library: Koffi.LibraryHandle | undefined;

/** koffi itself. @throws Failure("unsupported") away from Linux. */
export function koffi(): typeof Koffi {
  if (koffiModule === undefined) {
    if (process.platform !== "linux") {
      throw new Failure("unsupported", `system calls of Linux are not available on ${process.platform}`);
    }
    // `require`, because a static import would load 4 MB of native code into every command.
    koffiModule = createRequire(import.meta.url)("koffi") as typeof Koffi;
  }
  return koffiModule;
}

/**
 * Declares C functions by their prototypes; a key that is not the symbol's own name takes `[symbol, prototype]`.
 * The returned function gives the table, made at its first call.
 */
export function declareCalls<K extends string>(
  prototypes: Record<K, readonly [result: string, ...args: string[]]>,
  symbols: Partial<Record<K, string>> = {},
): () => Record<K, CFunction> {
  let table: Record<K, CFunction> | undefined;
  return () => (table ??= bind(prototypes, symbols));
}

function bind<K extends string>(
  prototypes: Record<K, readonly [string, ...string[]]>,
  symbols: Partial<Record<K, string>>,
): Record<K, CFunction> {
  library ??= koffi().load(null);
  const table = {} as Record<K, CFunction>;
  for (const key of Object.keys(prototypes) as K[]) {
    const [result, ...args] = prototypes[key];
    table[key] = library.func(symbols[key] ?? key, result, args);
  }
  return table;
}

/** `errno` of this thread. Must be read directly after the call: any allocation in between may overwrite it. */
export function errno(): number {
  return (koffiModule as typeof Koffi).errno();
}

const generic = { getdents64: 61, mknodat: 33 };
const numbers: Record<string, { readonly getdents64: number; readonly mknodat: number }> = {
  x64: { getdents64: 217, mknodat: 259 },
  arm64: generic,
  riscv64: generic,
};

/** Calls added since Linux 5.0 have one number on all machines (asm-generic/unistd.h). */
const common = {
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  openat2: 437,
  mount_setattr: 442,
  fchmodat2: 452,
  listxattrat: 465,
};

/** Numbers of system calls that the oldest supported glibc (2.28) has no function for. */
export function syscallNumber(name: keyof typeof common | keyof typeof generic): number {
  if (name in common) return common[name as keyof typeof common];
  const table = numbers[process.arch];
  if (table === undefined) {
    throw new Failure("unsupported", `system call numbers are not known for ${process.arch}`);
  }
  return table[name as keyof typeof generic];
}
