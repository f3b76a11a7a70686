/** What completion offers for values of flags of `varve build`. */

/** What images are commonly made for. */
export const platformNames = [
  "linux/amd64",
  "linux/arm64",
  "linux/arm/v7",
  "linux/386",
  "linux/ppc64le",
  "linux/riscv64",
  "linux/s390x",
];

/** Rules by name. */
export async function ruleNames(): Promise<string[]> {
  const { ruleCatalog } = await import("../../dockerfile/index.ts");
  return ["all", ...Object.keys(ruleCatalog)];
}

/** Names of the stages in the Dockerfile that the words before name, or of the one in the working directory. */
export async function stageNames(words: readonly string[]): Promise<string[]> {
  const [{ parseDockerfile }, { readFile }] = await Promise.all([
    import("../../dockerfile/index.ts"),
    import("node:fs/promises"),
  ]);
  const { stages } = parseDockerfile(await readFile(dockerfileIn(words)));
  return stages.flatMap(({ from }) => from.name ?? []);
}

function dockerfileIn(words: readonly string[]): string {
  const at = words.findLastIndex((word) => word === "-f" || word === "--file");
  const joined = words.findLast((word) => /^(--file=|-f.)/.test(word));
  return words[at + 1 || words.length] ?? joined?.replace(/^(--file=|-f=?)/, "") ?? "Dockerfile";
}
