/** One layer: which repositories have it, and which of their tags. */
import { isDigest, type Digest } from "../../oci/index.ts";
import { findBlob } from "../blobs.ts";
import { concurrently } from "../concurrently.ts";
import { listTags, resolveTag } from "../manifest_store.ts";
import { RegistryError } from "../registry_error.ts";
import { isTag } from "../tree.ts";
import { counted, formatSize, shortDigest } from "./format.ts";
import { html, type Html } from "./html.ts";
import type { Page } from "./layout.ts";
import { blobsOf, imagesIn, type ManifestFacts } from "./manifest_facts.ts";
import type { View } from "./view.ts";
import { mayPull } from "./visitor.ts";

/** What one request looks into: repositories, tags of each, images of each tag. */
const [mostRepositories, mostTags, mostImages] = [20, 50, 4];

/** @throws RegistryError BLOB_UNKNOWN, and of the controller */
export async function layerPage(view: View, name: string): Promise<Page> {
  await view.visitor.admit(mayPull(name));
  const { links, query, storage, users, visitor } = view;
  const digest = query.get("digest") ?? "";
  const blob = isDigest(digest) ? await findBlob(storage, name, digest) : undefined;
  if (!isDigest(digest) || blob === undefined) throw new RegistryError("BLOB_UNKNOWN");
  const found = await users.of([digest]);
  const all = (found.users.get(digest) ?? []).filter((each) => each !== name);
  const rows = [await rowOf(view, name, digest)];
  let looked = 0;
  for (const each of all) {
    if (looked === mostRepositories) break;
    looked += 1;
    if (await visitor.may(mayPull(each))) rows.push(await rowOf(view, each, digest));
  }
  const cut = found.cut || looked < all.length;
  return {
    title: `Layer ${shortDigest(digest)}`,
    crumbs: [
      { text: "Repositories", href: links.list() },
      { text: name, href: links.repository(name) },
    ],
    body: html`<dl>
        <dt>Digest</dt>
        <dd><code data-copy>${digest}</code></dd>
        <dt>Size</dt>
        <dd>${formatSize(blob.size)}, stored once</dd>
      </dl>
      <h2>Who has it</h2>
      <p class="soft">
        ${counted(rows.length, "repository", "repositories")}${cut && " of those that were looked into; there may be more"}
      </p>
      <ul class="rows">${rows}</ul>`,
  };
}

async function rowOf(view: View, name: string, digest: Digest): Promise<Html> {
  const { storage, links } = view;
  const all = (await listTags(storage, name)).filter(isTag);
  const tags = all.slice(0, mostTags);
  const have = await concurrently(tags, (tag) => hasLayer(view, name, tag, digest));
  const found = tags.filter((_, i) => have[i] === true);
  const rest = all.length > tags.length ? `, of the first ${mostTags} tags` : "";
  const names = found.map((tag) => html`<a class="tag" href="${links.image(name, { tag })}">${tag}</a>`);
  return html`<li>
    <a class="main" href="${links.repository(name)}">${name}</a>
    <span class="more">${names.length === 0 ? "No tag leads to it" : html`<span class="tags">${names}</span>`}${rest}</span>
  </li>`;
}

async function hasLayer(
  { storage, manifests }: View,
  name: string,
  tag: string,
  digest: Digest,
): Promise<boolean> {
  const target = await resolveTag(storage, name, tag);
  const facts = target && (await manifests.manifest(name, target));
  if (facts === undefined) return false;
  const all: (ManifestFacts | undefined)[] = [facts];
  for (const member of imagesIn(facts.members ?? []).slice(0, mostImages))
    all.push(await manifests.manifest(name, member.digest));
  return all.some((each) => blobsOf(each).some((blob) => blob.digest === digest));
}
