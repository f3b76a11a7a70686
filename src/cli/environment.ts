/** `-e` and `--env-file`: a container's variables. */
import { readFile } from "node:fs/promises";
import { Failure } from "../errors.ts";

/**
 * Variables of the files, then those of the flags. `NAME` alone takes the value that the caller has; without one the
 * variable is left out (docker/cli, opts/env.go and opts/file.go).
 */
export async function environment(flags: readonly string[], files: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  for (const file of files) lines.push(...(await readVariables(file)));
  return [...lines, ...flags].flatMap(resolveVariable);
}

async function readVariables(file: string): Promise<string[]> {
  const text = await textOf(file);
  const lines = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .map((line) => line.trimStart());
  const kept = lines.filter((line) => line !== "" && !line.startsWith("#"));
  const bad = kept.map((line) => line.split("=", 1)[0] as string).find((name) => /\s/.test(name));
  if (bad !== undefined) {
    throw new Failure("invalid", `poorly formatted environment: variable '${bad}' contains whitespaces`);
  }
  return kept;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "no such file or directory" : message;
    throw new Failure("invalid", `open ${file}: ${why}`, { cause });
  }
}

function resolveVariable(text: string): string[] {
  if (text.startsWith("=") || text === "")
    throw new Failure("invalid", `invalid environment variable: ${text}`);
  if (text.includes("=")) return [text];
  const value = process.env[text];
  return value === undefined ? [] : [`${text}=${value}`];
}
