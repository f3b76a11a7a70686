/** `policy`: distribution's one key, and ours. */
import { idle, list, section, type Problems, type Read } from "./field.ts";
import { diskguard, immutable } from "./quota_keys.ts";
import { oneOf, text } from "./scalars.ts";

const texts = list(text(""));

const signatures = list(
  section({
    repositories: texts,
    tags: texts,
    modes: list(oneOf(["push", "pull"], "push")),
    cosign: section({ keys: texts }),
    notation: section({ certificates: texts, identities: texts }),
  }),
);

export const policy = section({
  repository: idle("classes of repositories are not supported"),
  /** Images that must be signed. */
  signatures,
  immutable,
  diskguard,
});

export type SignatureKeys = Read<typeof signatures>[number];

/** @param isOpen nobody is asked who he is */
export function checkSignatures(rules: readonly SignatureKeys[], isOpen: boolean, problems: Problems): void {
  for (const [index, rule] of rules.entries()) {
    const wrong = (key: string, message: string) =>
      problems.wrong(["policy", "signatures", index, ...key.split(".")], message);
    const { repositories, tags, modes, cosign, notation } = rule;
    if (repositories.length === 0) wrong("repositories", "is missing: ** is all of them");
    const strange = repositories.find((pattern) => !/^[a-z0-9._/*-]+$/.test(pattern));
    if (strange !== undefined) wrong("repositories", `no repository can fit "${strange}"`);
    const strangeTag = tags.find((pattern) => !/^[\w.*-]+$/.test(pattern));
    if (strangeTag !== undefined) wrong("tags", `no tag can fit "${strangeTag}"`);
    if (cosign.keys.length + notation.certificates.length === 0)
      wrong("cosign.keys", "is missing, and so are notation.certificates: no signature could be trusted");
    if (notation.identities.length > 0 && notation.certificates.length === 0)
      wrong("notation.certificates", "is missing: identities are those of certificates");
    const broken = notation.identities.find((identity) => !isSubject(identity));
    if (broken !== undefined)
      wrong("notation.identities", `expected a subject such as C=US, O=Example, found "${broken}"`);
    if (!modes.includes("pull")) continue;
    if (tags.length > 0)
      wrong("tags", "images are pulled by digest as well: a rule for pull holds whatever the tag");
    if (isOpen) wrong("modes", "pull needs auth: whoever may push may read what is not signed");
  }
}

/** Notation's own texts have `x509.subject:` in front. */
export function subjectParts(identity: string): string[] {
  return identity
    .replace(/^x509\.subject:/, "")
    .split(/(?<!\\),/)
    .map((part) => part.trim());
}

function isSubject(identity: string): boolean {
  return subjectParts(identity).every((part) => /^[A-Za-z0-9.]+=./.test(part));
}
