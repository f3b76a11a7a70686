/** Package caches that lie in a layer, and that no later layer hides. */
import { toText } from "../../byte_string.ts";
import {
  type Dockerfile,
  type Draft,
  instructionAt,
  type LintFix,
  withCommand,
  withFlag,
} from "../../dockerfile/index.ts";
import type { CachedFiles, LineCost, PackageCache } from "../costs/index.ts";
import { exampleText } from "./examples.ts";

/** What removes it in the same RUN, or the directory that a cache mount keeps out of the layer. */
const remedies: Readonly<
  Record<PackageCache, { readonly command: string } | { readonly directory: RegExp }>
> = {
  "apt lists": { command: "rm -rf /var/lib/apt/lists/*" },
  "apt archives": { command: "apt-get clean" },
  apk: { command: "rm -rf /var/cache/apk/*" },
  dnf: { command: "rm -rf /var/cache/dnf /var/cache/libdnf5 /var/cache/yum" },
  npm: { directory: /^.*?\/\.npm(?=\/)/ },
  yarn: { directory: /^.*?\/\.cache\/yarn(?=\/)/ },
  pip: { directory: /^.*?\/\.cache\/(?:pip|uv)(?=\/)/ },
  cargo: { directory: /^.*?\/registry(?=\/)/ },
  go: { directory: /^.*?\/go-build(?=\/)/ },
  composer: { directory: /^.*?\/(?:\.composer\/cache|\.cache\/composer)(?=\/)/ },
};

export function cachesLeft(dockerfile: Dockerfile, costs: readonly LineCost[]): Draft[] {
  return costs.flatMap((cost) =>
    cost.caches.flatMap((cached): Draft[] => {
      const bytesLost = cached.bytes - hiddenLater(costs, cost.line, cached.cache);
      if (bytesLost <= 0) return [];
      const message = `The layer keeps a cache of ${managerOf(cached.cache)}: ${exampleText(cached.examples, cached.files)}`;
      const span = instructionAt(dockerfile, cost.line)?.span ?? cost.span;
      return [
        { rule: "PackageCacheLeft", message, span, bytesLost, fix: fixOf(dockerfile, cost.line, cached) },
      ];
    }),
  );
}

/** Those bytes are lost, too, and told of where they are deleted. */
function hiddenLater(costs: readonly LineCost[], line: number, cache: PackageCache): number {
  const groups = costs.flatMap(({ hides }) => hides);
  const those = groups.filter(
    (group) => group.line === line && group.cache === cache && group.how !== "copied",
  );
  return those.reduce((sum, { bytes }) => sum + bytes, 0);
}

function managerOf(cache: PackageCache): string {
  return cache.replace(/^apt .*/, "apt-get");
}

function fixOf(dockerfile: Dockerfile, line: number, { cache, examples }: CachedFiles): LintFix | undefined {
  const run = instructionAt(dockerfile, line);
  if (run?.kind !== "run") return undefined;
  const remedy = remedies[cache];
  if ("command" in remedy) return withCommand(dockerfile, run, remedy.command);
  const target = remedy.directory.exec(`/${toText(examples[0] ?? "")}`)?.[0];
  // A path out of a layer is somebody else's: nothing that would be more than a word.
  if (target === undefined || !/^[\w./-]+$/.test(target)) return undefined;
  return { lines: withFlag(dockerfile, run, `--mount=type=cache,target=${target}`), span: run.span };
}
