/** Secrets that come into the image or its history. */
import type { Instruction, Span } from "../../types.ts";
import { allInstructions } from "../lines.ts";
import type { LintContext } from "../lint_context.ts";
import type { Draft } from "../types.ts";

/** The words are BuildKit's (frontend/dockerfile/dockerfile2llb): first, last or whole part of a name. */
const secretName = /(?:^|_)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const publicName = /(?:^|_)public(?:_|$)/i;

/** ARG and ENV by their names; text is Docker's. */
export function secretVariables({ dockerfile }: LintContext): Draft[] {
  return allInstructions(dockerfile).flatMap((instruction) => {
    if (instruction.kind !== "arg" && instruction.kind !== "env") return [];
    return instruction.values.flatMap(({ name }): Draft[] => {
      if (!secretName.test(name) || publicName.test(name)) return [];
      const message = `Do not use ARG or ENV instructions for sensitive data (${instruction.kind.toUpperCase()} ${JSON.stringify(name)})`;
      return [{ rule: "SecretsUsedInArgOrEnv", message, span: instruction.span }];
    });
  });
}

const secretFile =
  /(?:^|\/)(?:\.env(?:\.(?!example|sample|template|dist)[\w-]+)?|id_(?:rsa|dsa|ecdsa|ed25519)|[^/]+\.(?:pem|p12|pfx|key|keystore|jks)|\.(?:npmrc|pypirc|netrc|git-credentials|htpasswd|pgpass)|\.(?:ssh|aws|gnupg|kube)(?:\/.*)?|credentials(?:\.json)?)$/i;

export function secretFiles({ dockerfile }: LintContext): Draft[] {
  return allInstructions(dockerfile).flatMap((instruction) => {
    if ((instruction.kind !== "copy" && instruction.kind !== "add") || instruction.from !== undefined)
      return [];
    return instruction.sources.flatMap((source): Draft[] => {
      if (!secretFile.test(source.replace(/\/+$/, ""))) return [];
      const message = `${source} looks like a secret, and becomes a file of the image`;
      return [{ rule: "SecretInCopy", message, span: instruction.span }];
    });
  });
}

const secretTexts: readonly (readonly [what: string, pattern: RegExp])[] = [
  ["a private key", /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/],
  ["an access key of AWS", /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ["a token of GitHub", /\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{50,}\b/],
  ["a token of GitLab", /\bglpat-[\w-]{20,}/],
  ["a token of Slack", /\bxox[abprs]-[\w-]{10,}/],
  ["a token of npm", /\bnpm_[A-Za-z0-9]{36}\b/],
  ["a password in a URL", /\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@$"']*:[^\s/@$"'{}]+@/i],
  [
    "a password",
    /(?:^|[\s;&])(?:--?|export\s+)?(?:\w*_)?(?:password|passwd|secret|token|api[-_]?key)=["']?(?!\/run\/secrets)[^\s"'$&;|<>()]{6,}/i,
  ],
  ["a header with a secret", /\bauthorization:\s*(?:basic|bearer|token)\s+[\w+/=.-]{8,}/i],
];

/** Texts of instructions, and of the files in them. What is found is not repeated: findings are logged. */
export function secretTextsIn({ dockerfile }: LintContext): Draft[] {
  return allInstructions(dockerfile).flatMap((instruction) => {
    // ARG and ENV with such names have a rule of their own, which is Docker's.
    const named = instruction.kind === "arg" || instruction.kind === "env" ? [secretTexts.length - 2] : [];
    const text = [instruction.text, ...documentsOf(instruction)].join("\n");
    return secretTexts.flatMap(([what, pattern], index): Draft[] =>
      named.includes(index) || !pattern.test(text) ? [] : [found(instruction.kind, what, instruction.span)],
    );
  });
}

function documentsOf(instruction: Instruction): string[] {
  if (instruction.kind === "copy" || instruction.kind === "add")
    return instruction.hereDocuments.map(({ content }) => content);
  if (instruction.kind !== "run" || instruction.command.form !== "shell") return [];
  return instruction.command.hereDocuments.map(({ content }) => content);
}

function found(kind: Instruction["kind"], what: string, span: Span): Draft {
  return {
    rule: "SecretInText",
    message: `${kind.toUpperCase()} has what looks like ${what} in its text`,
    span,
  };
}
