/** The addresses of the pages. A page of a repository, a tag or a manifest is called what Docker calls it: `/ui/team/app:v1`. */
import { isDigest, type Digest } from "../../oci/index.ts";
import { isRepositoryName, isTag } from "../tree.ts";

/** What a page is about. */
export type Place =
  | { readonly kind: "list" }
  | { readonly kind: "login" }
  | { readonly kind: "logout" }
  | { readonly kind: "trash" }
  | { readonly kind: "repository"; readonly name: string }
  | { readonly kind: "image"; readonly name: string; readonly key: ImageKey };

export type ImageKey = { readonly tag: string } | { readonly digest: Digest };

/** No repository begins with an underscore. */
const own = { login: "_login", logout: "_logout", trash: "_trash" } as const;

export class Links {
  readonly #prefix: string;
  readonly #list: string;
  readonly #below: string;

  /**
   * @param prefix that a proxy puts in front of all paths, `/` or `/my/`; requests come without it
   * @param path of the list; with `/` the other pages are below `/ui/`
   */
  constructor(prefix: string, path: string) {
    this.#prefix = prefix.replace(/\/$/, "");
    this.#list = path;
    this.#below = path === "/" ? "/ui/" : path;
  }

  /** What a request for this path is about; undefined: nothing of ours, a name: ours, and nothing is there. */
  placeOf(path: string): Place | "unknown" | undefined {
    if (path === this.#list || path === this.#below || `${path}/` === this.#below) return { kind: "list" };
    if (!path.startsWith(this.#below)) return undefined;
    const rest = decoded(path.slice(this.#below.length));
    for (const kind of ["login", "logout", "trash"] as const) if (rest === own[kind]) return { kind };
    const [, name = "", mark, key = ""] = /^([^:@]*?)\/?(?:([:@])(.*))?$/s.exec(rest) ?? [];
    if (!isRepositoryName(name)) return "unknown";
    if (mark === undefined) return { kind: "repository", name };
    if (mark === ":" && isTag(key)) return { kind: "image", name, key: { tag: key } };
    return mark === "@" && isDigest(key) ? { kind: "image", name, key: { digest: key } } : "unknown";
  }

  /** For the paths of cookies. */
  get root(): string {
    return this.#prefix + this.#list;
  }

  list(query: Query = {}): string {
    return this.#prefix + this.#list + queryOf(query);
  }

  own(page: keyof typeof own, query: Query = {}): string {
    return this.#prefix + this.#below + own[page] + queryOf(query);
  }

  repository(name: string, query: Query = {}): string {
    return `${this.#prefix}${this.#below}${name}${queryOf(query)}`;
  }

  image(name: string, key: ImageKey, query: Query = {}): string {
    const end = "tag" in key ? `:${key.tag}` : `@${key.digest}`;
    return `${this.#prefix}${this.#below}${name}${end}${queryOf(query)}`;
  }

  /** Whether an address that came with a form leads to one of our pages. */
  isOurs(address: string): boolean {
    if (!/^\/(?!\/)[\w./:@?&=%-]*$/.test(address) || !address.startsWith(this.#prefix)) return false;
    return this.placeOf(address.slice(this.#prefix.length).split("?", 1)[0] as string) !== undefined;
  }
}

type Query = Readonly<Record<string, string | number | undefined>>;

function queryOf(query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  if (given.length === 0) return "";
  return `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

/** `:` and `@` may come encoded. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return "%";
  }
}
