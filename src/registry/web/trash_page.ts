/** What was deleted and can be had back until it is purged. */
import { isDigest } from "../../oci/index.ts";
import { trashEntries } from "../gc/trash.ts";
import { deletedIn, repositoriesInTrash, type DeletedItem } from "../gc/undelete.ts";
import { RegistryError } from "../registry_error.ts";
import { isRepositoryName, isTag, paths, readLink } from "../tree.ts";
import { formatTime, shortDigest } from "./format.ts";
import { html, type Html } from "./html.ts";
import type { Page } from "./layout.ts";
import { postForm } from "./post_form.ts";
import { restore } from "./restore.ts";
import type { View } from "./view.ts";
import { mayPull, mayPush } from "./visitor.ts";

const mostItems = 200;
const mostRepositories = 500;

const by = {
  request: "by a request",
  retention: "by retention",
  gc: "by garbage collection",
  fsck: "as damaged",
} as const;

/** Of all repositories: only which of them have something in the trash. */
export async function trashPage(view: View): Promise<Page> {
  const { links, storage, visitor } = view;
  const refusal = await visitor.listRefusal();
  const names: string[] = [];
  let looked = 0;
  for await (const name of repositoriesInTrash(storage)) {
    if (looked === mostRepositories) break;
    looked += 1;
    if (refusal === undefined || (await visitor.may(mayPull(name)))) names.push(name);
  }
  if (refusal !== undefined && names.length === 0 && visitor.user === undefined) throw refusal;
  const rows = names.map(
    (name) => html`<li><a class="main" href="${links.repository(name, { view: "trash" })}">${name}</a></li>`,
  );
  return {
    title: "Trash",
    crumbs: [{ text: "Repositories", href: links.list() }],
    body: html`<p>What is deleted can be had back until garbage collection purges it.</p>
      ${
        rows.length === 0
          ? html`<p class="soft">Nothing that you may see is in the trash.</p>`
          : html`<ul class="rows">${rows}</ul>`
      }
      ${looked === mostRepositories && html`<p class="soft">Only the first ${mostRepositories} repositories were looked at.</p>`}`,
  };
}

/** @throws RegistryError of the controller */
export async function repositoryTrashPage(view: View, name: string): Promise<Page> {
  await view.visitor.admit(mayPull(name));
  const { links, storage, visitor } = view;
  const items: DeletedItem[] = [];
  let more = false;
  for await (const item of deletedIn(storage, name)) {
    more = items.length === mostItems;
    if (more) break;
    items.push(item);
  }
  const mayRestore = await visitor.may(mayPush(name));
  const newest = items.sort((a, b) => b.at - a.at);
  const rows = newest.map((item, i) => {
    const isLatest =
      newest.findIndex(
        ({ tag, digest }) => tag === item.tag && (tag !== undefined || digest === item.digest),
      ) === i;
    return rowOf(view, item, mayRestore && isLatest && item.by !== "fsck");
  });
  return {
    title: `Trash of ${name}`,
    crumbs: [
      { text: "Repositories", href: links.list() },
      { text: name, href: links.repository(name) },
    ],
    body: html`${
      rows.length === 0
        ? html`<p>Nothing of this repository is in the trash.</p>`
        : html`<ul class="rows">${rows}</ul>`
    }
    ${more && html`<p class="soft">There is more; only ${mostItems} are shown.</p>`}`,
  };
}

function rowOf(view: View, item: DeletedItem, offer: boolean): Html {
  const { repository, tag, digest, at } = item;
  const what = tag === undefined ? "manifest" : `tag ${tag}`;
  const action = view.links.repository(repository, { view: "trash" });
  const button = html`<button aria-label="Take back ${what} ${shortDigest(digest)}">Take back</button>`;
  return html`<li>
    <span class="main">${what} <code>${shortDigest(digest)}</code></span>
    <span class="side">${offer && postForm(view, action, tag === undefined ? { digest } : { tag }, button)}</span>
    <span class="more">deleted ${by[item.by]} ${formatTime(at)}</span>
  </li>`;
}

/** Returns the page to go to. @throws RegistryError, Failure as `restore` */
export async function undeleteByForm(view: View, name: string, form: URLSearchParams): Promise<string> {
  view.exchange.identity = await view.visitor.admit(mayPush(name));
  const [tag, digest] = [form.get("tag") ?? undefined, form.get("digest") ?? ""];
  if (tag === undefined) {
    if (!isDigest(digest)) throw new RegistryError("DIGEST_INVALID");
    await restore(view, { name, tag, digest, from: "trash" });
    return view.links.image(name, { digest }, { done: "undeleted" });
  }
  if (!isRepositoryName(name) || !isTag(tag)) throw new RegistryError("TAG_INVALID");
  const [entry] = await trashEntries(view.storage, paths.tagCurrent(name, tag));
  const link = entry && readLink(await view.storage.read(entry.place));
  if (link === undefined) throw new RegistryError("MANIFEST_UNKNOWN");
  await restore(view, { name, tag, digest: link, from: "trash" });
  return view.links.image(name, { tag }, { done: "undeleted" });
}
