/** The repositories, a page at a time. What is behind it is not read. */
import { listTags } from "../manifest_store.ts";
import { repositoriesAfter } from "../repositories.ts";
import { isRepositoryName, isTag } from "../tree.ts";
import { counted, formatSize } from "./format.ts";
import { html, type Html } from "./html.ts";
import type { Page } from "./layout.ts";
import { searchForm } from "./search_form.ts";
import { storedSize } from "./stored_size.ts";
import type { View } from "./view.ts";
import { mayPull } from "./visitor.ts";

const pageSize = 50;
/** Names that one request looks at, for those that are searched or may be seen. */
const mostExamined = 1000;

interface Found {
  readonly names: readonly string[];
  /** Where the next page begins; undefined: this is the last one. */
  readonly next: string | undefined;
}

/** Who may list the catalog sees all names, others those that they may pull. @throws RegistryError of the controller */
export async function listPage(view: View): Promise<Page> {
  const { query, links, visitor } = view;
  const q = query.get("q")?.trim().toLowerCase().slice(0, 255) ?? "";
  const last = query.get("last") ?? "";
  const refusal = await visitor.listRefusal();
  const { names, next } = await find(view, q, last, refusal === undefined);
  // Whoever sees nothing is asked who he is.
  if (refusal !== undefined && visitor.user === undefined && names.length === 0 && next === undefined)
    throw refusal;
  const rows: Html[] = [];
  for (const name of names) rows.push(await rowOf(view, name));
  const more = next !== undefined && links.list({ q, last: next });
  const nothing = more
    ? "None of the names that were looked at."
    : q === ""
      ? "There are no repositories yet."
      : `No repository's name has “${q}” in it.`;
  return {
    title: "Repositories",
    body: html`${searchForm(links.list(), "Search by name", q)}
      ${rows.length > 0 ? html`<ul class="rows">${rows}</ul>` : html`<p>${nothing}</p>`}
      <div class="actions">
        ${last !== "" && html`<a class="button" href="${links.list({ q })}">First page</a>`}
        ${more && html`<a class="button" rel="next" href="${more}">${rows.length > 0 ? "Next page" : "Look further"}</a>`}
      </div>`,
  };
}

async function find({ storage, visitor }: View, q: string, last: string, seesAll: boolean): Promise<Found> {
  const names: string[] = [];
  let examined = 0;
  let before = last;
  for await (const name of repositoriesAfter(storage, last)) {
    if (names.length === pageSize || examined === mostExamined) return { names, next: before };
    examined += 1;
    before = name;
    if (!isRepositoryName(name) || !name.includes(q)) continue;
    if (seesAll || (await visitor.may(mayPull(name)))) names.push(name);
  }
  return { names, next: undefined };
}

async function rowOf(view: View, name: string): Promise<Html> {
  const { storage, links, visitor, sizes } = view;
  if (!(await visitor.may(mayPull(name))))
    return html`<li>
      <span class="main">${name}</span><span class="more">You may not look into it.</span>
    </li>`;
  const tags = (await listTags(storage, name)).filter(isTag);
  const stored = await storedSize(storage, name, sizes);
  return html`<li>
    <a class="main" href="${links.repository(name)}">${name}</a>
    <span class="side">${stored.atLeast && "at least "}${formatSize(stored.bytes)}</span>
    <span class="more">${counted(tags.length, "tag")} · ${counted(stored.blobs, "blob")}${stored.atLeast && " and more"}</span>
  </li>`;
}
