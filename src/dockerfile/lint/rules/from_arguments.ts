/** What variables and platforms in `FROM` come to. Texts are Docker's. */
import { Failure } from "../../../errors.ts";
import { expandWord } from "../../expand_word.ts";
import { guess } from "../../guess.ts";
import type { FromInstruction } from "../../types.ts";
import { replaceIn } from "../lines.ts";
import { globalDefaults, type LintContext } from "../lint_context.ts";
import type { Draft } from "../types.ts";

/** Automatic arguments (docs.docker.com/reference/dockerfile, "Automatic platform ARGs in the global scope"). */
export const platformArguments = ["BUILD", "TARGET"].flatMap((side) =>
  ["PLATFORM", "OS", "ARCH", "VARIANT"].map((what) => side + what),
);

export function fromArguments(context: LintContext): Draft[] {
  return context.dockerfile.stages.flatMap(({ from }) => {
    const undeclared = undeclaredIn(context, from);
    return [
      ...undeclared,
      ...(undeclared.length > 0 ? [] : emptyName(context, from)),
      ...platform(context, from),
    ];
  });
}

function undeclaredIn({ dockerfile }: LintContext, { image, platform, span }: FromInstruction): Draft[] {
  const known = [...globalDefaults(dockerfile).keys(), ...platformArguments];
  const missing = new Set<string>();
  const lookup = (name: string): string | undefined => (known.includes(name) ? "x" : undefined);
  for (const word of [image, platform ?? ""]) {
    valueOf(word, lookup, dockerfile.escape, (name) => missing.add(name));
  }
  return [...missing].map((name) => ({
    rule: "UndefinedArgInFrom",
    message: `FROM argument '${name}' is not declared${meant(name, known)}`,
    span,
  }));
}

function meant(name: string, known: readonly string[]): string {
  const found = guess(name, known);
  return found === undefined ? "" : ` (did you mean ${found}?)`;
}

const platformValue = "linux/amd64";
/** Reference grammar (distribution/reference), loosely: whether a name can be one at all. */
const imageName = /^[\w.:[\]-]+(?:\/[\w.-]+)*(?::[\w][\w.-]*)?(?:@[\w+.]+:[0-9a-fA-F]+)?$/;

function emptyName({ dockerfile }: LintContext, { image, span }: FromInstruction): Draft[] {
  if (!image.includes("$")) return [];
  const defaults = globalDefaults(dockerfile);
  const lookup = (name: string): string | undefined =>
    defaults.get(name) ?? (platformArguments.includes(name) ? platformValue : undefined);
  const value = valueOf(image, lookup, dockerfile.escape);
  if (value === undefined || (imageName.test(value) && !/[:@/-]$/.test(value))) return [];
  const message = `Default value for ARG ${image} results in empty or invalid base image name`;
  return [{ rule: "InvalidDefaultArgInFrom", message, span }];
}

function platform({ dockerfile }: LintContext, from: FromInstruction): Draft[] {
  const { platform: wanted, name = "", span } = from;
  if (wanted === undefined) return [];
  const fix = replaceIn(dockerfile, from, /\s+--platform=\S+/, "");
  if (/^\$(?:TARGETPLATFORM|\{TARGETPLATFORM\})$/.test(wanted)) {
    const message = `Setting platform to predefined ${wanted} in FROM is redundant as this is the default behavior`;
    return [{ rule: "RedundantTargetPlatform", message, span, fix }];
  }
  // `FROM --platform=linux/arm64 image AS build-arm64`: one of several, chosen by its name.
  const isChosen = wanted.split("/").some((part) => name.includes(part.toLowerCase()));
  if (wanted.includes("$") || isChosen) return [];
  const message = `FROM --platform flag should not use constant value ${JSON.stringify(wanted)}`;
  return [{ rule: "FromPlatformFlagConstDisallowed", message, span, fix }];
}

/** Undefined for a word that cannot be expanded: that is an error of the build, not of style. */
export function valueOf(
  word: string,
  lookup: (name: string) => string | undefined,
  escape: "\\" | "`",
  onUndefined: (name: string) => void = () => undefined,
): string | undefined {
  try {
    return expandWord(word, lookup, { escape, onUndefined });
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
