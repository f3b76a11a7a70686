/** `POST /images/{name}/push` (moby, daemon/images/image_push.go, distribution/push.go). */
import type { Daemon } from "../../../engine/index.ts";
import { Failure } from "../../../errors.ts";
import {
  familiarName,
  familiarReference,
  parseReference,
  repositoryOf,
  type Reference,
} from "../../../oci/index.ts";
import { answerJsonLines, type Call, type JsonLines } from "../../http/index.ts";
import { credentialsFor } from "../../registry_auth.ts";
import { nameWithTag } from "./name_with_tag.ts";
import { checkWanted, wantedPlatform } from "./wanted_platform.ts";

/** Without a tag all tags of the repository that are here. */
export async function push(daemon: Daemon, call: Call): Promise<void> {
  const given = call.param("name");
  const name = parseReference(nameWithTag(given, call.query.get("tag") ?? "") ?? given);
  if (name.digest !== undefined) throw new Failure("invalid", "cannot push a digest reference");
  const wanted = wantedPlatform(call, "1.46");
  const { images } = await daemon.engine.withCredentials(credentialsFor(call, name.domain));
  await answerJsonLines(call, async (lines) => {
    lines.write({ status: `The push refers to repository [${repositoryOf(name)}]` });
    if (wanted !== undefined) {
      const full = familiarReference(name);
      checkWanted(wanted, full, (await images.resolve(full)).config);
    }
    for (const one of name.tag === undefined ? await tagsOf(daemon, name) : [name]) {
      const pushing = images.push(one, { signal: call.signal, report: without(lines) });
      const { digest, size } = await pushing.catch(throwShort);
      lines.write({ progressDetail: {}, aux: { Tag: one.tag, Digest: digest, Size: size } });
    }
  });
}

/** Without the request at which it was noticed (moby, distribution/errors.go, `retryOnError`). */
function throwShort(error: unknown): never {
  const [, words] = /^\S+ "[^"]*": (no basic auth credentials)$/.exec((error as Error).message) ?? [];
  throw words === undefined ? error : new Failure("unauthorized", words, { cause: error });
}

/** The repository is told once, whatever the number of tags. */
function without(lines: JsonLines): JsonLines["report"] {
  return (progress) => {
    if (!progress.status.startsWith("The push refers to repository [")) lines.report(progress);
  };
}

async function tagsOf({ engine }: Daemon, repository: Reference): Promise<Reference[]> {
  const name = familiarName(repository);
  const all = (await engine.images.list({ all: true })).flatMap(({ repoTags }) =>
    repoTags.map(parseReference),
  );
  const tags = all.filter((each) => familiarName(each) === name);
  if (tags.length > 0) return tags.sort((a, b) => ((a.tag ?? "") < (b.tag ?? "") ? -1 : 1));
  throw new Failure("not-found", `An image does not exist locally with the tag: ${name}`);
}
