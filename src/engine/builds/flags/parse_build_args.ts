/** `--build-arg` and `--label`. */
import { Failure } from "../../../errors.ts";

/**
 * `NAME=value`; `NAME` alone takes the value that we were given ourselves, and without one the argument keeps its default
 * (docker/cli, opts.ConvertKVStringsToMapWithNil). Throws `Failure("invalid")`.
 */
export function parseBuildArgs(
  texts: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
  const args: [string, string][] = [];
  for (const text of texts) {
    const [name, value] = keyAndValue(text, "build-arg");
    const taken = value ?? environment[name];
    if (taken !== undefined) args.push([name, taken]);
  }
  return Object.fromEntries(args);
}

/** `KEY=value`; a key alone has the value "". Throws `Failure("invalid")`. */
export function parseLabels(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const [key, value = ""] = keyAndValue(text, "label");
      return [key, value];
    }),
  );
}

function keyAndValue(text: string, flag: string): [string, string?] {
  const equals = text.indexOf("=");
  if (equals === 0 || text === "")
    throw new Failure("invalid", `invalid value "${text}" for --${flag}: it has no name`);
  return equals < 0 ? [text] : [text.slice(0, equals), text.slice(equals + 1)];
}
