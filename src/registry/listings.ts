/** `tags/list` and `_catalog`: sorted, paged by `n` and `last` (behaviours B165). */
import type { RegistryCore } from "./core.ts";
import { answer, type Exchange } from "./exchange.ts";
import { listTags } from "./manifest_store.ts";
import { RegistryError } from "./registry_error.ts";
import { isRepository, repositoriesAfter } from "./repositories.ts";

/** Repositories on a page when the client does not say. */
const catalogPage = 1000;

export async function answerTags(core: RegistryCore, exchange: Exchange, name: string): Promise<void> {
  const tags = await listTags(core.storage, name);
  if (tags.length === 0 && !(await isRepository(core.storage, name))) {
    throw new RegistryError("NAME_UNKNOWN", [{ name }]);
  }
  const last = exchange.query.get("last") ?? "";
  const rest = tags.filter((tag) => tag > last);
  const wanted = pageSize(exchange) ?? rest.length;
  const page = rest.slice(0, wanted);
  const headers = pageHeaders(exchange, page, wanted, page.length < rest.length);
  await answer(exchange, 200, headers, `${JSON.stringify({ name, tags: page })}\n`);
}

export async function answerCatalog(core: RegistryCore, exchange: Exchange): Promise<void> {
  const wanted = pageSize(exchange) ?? catalogPage;
  const page: string[] = [];
  let more = false;
  for await (const name of repositoriesAfter(core.storage, exchange.query.get("last") ?? "")) {
    more = page.length === wanted;
    if (more) break;
    page.push(name);
  }
  const headers = pageHeaders(exchange, page, wanted, more);
  await answer(exchange, 200, headers, `${JSON.stringify({ repositories: page })}\n`);
}

function pageSize(exchange: Exchange): number | undefined {
  const text = exchange.query.get("n");
  if (text === null) return undefined;
  if (!/^\d{1,9}$/.test(text))
    throw new RegistryError("PAGINATION_NUMBER_INVALID", [{ n: text.slice(0, 200) }]);
  return Number(text);
}

/** The next page's address, unless there is none or the client wanted nothing. */
function pageHeaders(
  exchange: Exchange,
  page: readonly string[],
  wanted: number,
  more: boolean,
): Record<string, string> {
  const headers: Record<string, string> = { "Content-Type": "application/json; charset=utf-8" };
  if (more && page.length > 0) {
    const next = new URLSearchParams({ last: page.at(-1) as string, n: String(wanted) });
    headers["Link"] = `<${exchange.path}?${next}>; rel="next"`;
  }
  return headers;
}
