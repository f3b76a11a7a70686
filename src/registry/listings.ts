/** `tags/list` and `_catalog`: sorted, paged by `n` and `last` (behaviours B165). */
import { answer, type Exchange } from "./exchange.ts";
import { RegistryError } from "./registry_error.ts";
import type { RegistryStorage } from "./storage.ts";
import { paths } from "./tree.ts";

export async function answerTags(exchange: Exchange, storage: RegistryStorage, name: string): Promise<void> {
  const known = await storage.list(`${paths.repositories}/${name}`);
  if (!known.includes("_manifests")) throw new RegistryError("NAME_UNKNOWN", [{ name }]);
  const { page, headers } = pageOf(await storage.list(paths.tags(name)), exchange.url);
  await answer(exchange, 200, headers, `${JSON.stringify({ name, tags: page })}\n`);
}

export async function answerCatalog(exchange: Exchange, storage: RegistryStorage): Promise<void> {
  const { page, headers } = pageOf((await repositoryNames(storage, "")).sort(), exchange.url);
  await answer(exchange, 200, headers, `${JSON.stringify({ repositories: page })}\n`);
}

/** A directory is a repository when it has `_manifests`; a repository may hold others below it. */
async function repositoryNames(storage: RegistryStorage, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for (const child of await storage.list(`${paths.repositories}${prefix && `/${prefix}`}`)) {
    if (child === "_manifests") found.push(prefix);
    else if (!child.startsWith("_")) {
      found.push(...(await repositoryNames(storage, prefix === "" ? child : `${prefix}/${child}`)));
    }
  }
  return found;
}

function pageOf(names: readonly string[], url: URL): { page: string[]; headers: Record<string, string> } {
  const last = url.searchParams.get("last") ?? "";
  const rest = names.filter((name) => name > last);
  const wanted = Number(url.searchParams.get("n") ?? Number.NaN);
  const page = wanted >= 0 ? rest.slice(0, wanted) : rest;
  const headers: Record<string, string> = { "Content-Type": "application/json; charset=utf-8" };
  if (page.length > 0 && page.length < rest.length) {
    const next = new URLSearchParams({ last: page.at(-1) as string, n: String(wanted) });
    headers["Link"] = `<${url.pathname}?${next}>; rel="next"`;
  }
  return { page, headers };
}
