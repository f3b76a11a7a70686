/** A repository: its tags with what they lead to. */
import type { Digest } from "../../oci/index.ts";
import { concurrently } from "../concurrently.ts";
import { latestTagEvent } from "../gc/history/tag_history.ts";
import { listTags, resolveTag } from "../manifest_store.ts";
import { RegistryError } from "../registry_error.ts";
import { isRepository } from "../repositories.ts";
import { isTag, paths } from "../tree.ts";
import { counted, formatSize, formatTime, shortDigest } from "./format.ts";
import { html, type Html, type HtmlValue } from "./html.ts";
import type { Page } from "./layout.ts";
import { pullCommands } from "./pull_commands.ts";
import { searchForm } from "./search_form.ts";
import type { View } from "./view.ts";
import { mayPull } from "./visitor.ts";

const pageSize = 50;
/** More are not sorted by time, for which each must be looked at. */
const mostSorted = 500;

/** @throws RegistryError NAME_UNKNOWN, and of the controller */
export async function repositoryPage(view: View, name: string): Promise<Page> {
  await view.visitor.admit(mayPull(name));
  const { storage, links, query } = view;
  const all = (await listTags(storage, name)).filter(isTag);
  if (all.length === 0 && !(await isRepository(storage, name))) throw new RegistryError("NAME_UNKNOWN");
  const q = query.get("q")?.trim().slice(0, 128) ?? "";
  const found = all.filter((tag) => tag.toLowerCase().includes(q.toLowerCase()));
  const tags = found.length > mostSorted ? found : await newestFirst(view, name, found);
  const pages = Math.max(1, Math.ceil(tags.length / pageSize));
  const page = Math.min(pages, Math.max(1, Number(query.get("page")) || 1));
  const shown = tags.slice((page - 1) * pageSize, page * pageSize);
  const rows: Html[] = [];
  for (const tag of shown) rows.push(await rowOf(view, name, tag));
  const order = tags === found && found.length > 1 ? "by name" : "newest first";
  return {
    title: name,
    crumbs: [{ text: "Repositories", href: links.list() }],
    body: html`${tags[0] !== undefined && pullCommands(view, `${name}:${tags.includes("latest") ? "latest" : tags[0]}`)}
      <h2>Tags</h2>
      ${all.length > 10 && searchForm(links.repository(name), "Search tags", q)}
      ${
        rows.length === 0
          ? html`<p>${q === "" ? "No tags." : `No tag has “${q}” in it.`}</p>`
          : html`<p class="soft">${counted(found.length, "tag")}, ${order}</p>
              <ul class="rows">${rows}</ul>`
      }
      ${pagesOf(page, pages, (to) => links.repository(name, { q, page: to }))}
      <div class="actions">
        <a class="button" href="${links.repository(name, { view: "trash" })}">Deleted tags</a>
      </div>`,
  };
}

function pagesOf(page: number, pages: number, link: (page: number) => string): HtmlValue {
  if (pages === 1) return undefined;
  return html`<nav class="actions" aria-label="Pages of tags">
    ${page > 1 && html`<a class="button" rel="prev" href="${link(page - 1)}">Previous</a>`}
    <span>Page ${page} of ${pages}</span>
    ${page < pages && html`<a class="button" rel="next" href="${link(page + 1)}">Next</a>`}
  </nav>`;
}

async function newestFirst({ storage }: View, name: string, tags: readonly string[]): Promise<string[]> {
  const times = await concurrently(tags, async (tag) => {
    const link = await storage.stat(paths.tagCurrent(name, tag));
    return { tag, time: link?.modified ?? 0 };
  });
  return times.sort((a, b) => b.time - a.time).map(({ tag }) => tag);
}

async function rowOf(view: View, name: string, tag: string): Promise<Html> {
  const { storage, links } = view;
  const digest = await resolveTag(storage, name, tag);
  if (digest === undefined)
    return html`<li>
      <a class="main" href="${links.image(name, { tag }, { view: "history" })}">${tag}</a>
      <span class="more">leads nowhere</span>
    </li>`;
  const [{ side, platforms }, when] = await Promise.all([
    contentOf(view, name, digest),
    pushed(view, name, tag, digest),
  ]);
  return html`<li>
    <a class="main" href="${links.image(name, { tag })}">${tag}</a>
    <span class="side">${side}</span>
    <span class="more"><code>${shortDigest(digest)}</code>${when && html` · ${when}`}</span>
    ${
      platforms.length > 0 &&
      html`<ul class="more tags" aria-label="Platforms">
        ${platforms.slice(0, 12).map((each) => html`<li>${each}</li>`)}${platforms.length > 12 && html`<li>and ${platforms.length - 12} more</li>`}
      </ul>`
    }
  </li>`;
}

async function contentOf({ manifests }: View, name: string, digest: Digest) {
  const facts = await manifests.manifest(name, digest);
  if (facts === undefined) return { side: "not there", platforms: [] };
  const { bytes, atLeast } = await manifests.size(name, facts);
  const platforms = await manifests.platforms(name, facts);
  return { side: `${atLeast ? "at least " : ""}${formatSize(bytes)}`, platforms };
}

/** When the tag came to lead there, and by whom, if that was recorded. */
export async function pushed(
  { storage }: View,
  name: string,
  tag: string,
  digest: Digest,
): Promise<Html | undefined> {
  const event = await latestTagEvent(storage, name, tag);
  const isThis = event?.digest === digest && event.action !== "deleted";
  const time = isThis ? event.time : (await storage.stat(paths.tagCurrent(name, tag)))?.modified;
  const shown = formatTime(time);
  if (shown === undefined) return undefined;
  return html`${isThis ? event.action : "pushed"}
  ${shown}${isThis && event.user !== undefined && html` by ${event.user}`}`;
}
