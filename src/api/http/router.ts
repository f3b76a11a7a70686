/** Which handler a path leads to. */
import type { Call } from "./call.ts";
import type { ApiVersion } from "./api_version.ts";

export type Handler = (call: Call) => Promise<void> | void;

export interface Route {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** `/containers/:id/start`; `:name*` takes slashes, too. */
  readonly path: string;
  /** The first API version that has it. */
  readonly since?: ApiVersion;
  readonly handle: Handler;
}

interface Compiled extends Route {
  readonly pattern: RegExp;
}

export class Router {
  readonly #routes: readonly Compiled[];

  /** The first route that fits is taken. */
  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ ...route, pattern: patternOf(route.path) }));
  }

  /** `known`: some other method has the path. */
  find(
    method: string,
    path: string,
  ): { readonly route: Route; readonly params: Record<string, string> } | { readonly known: boolean } {
    let known = false;
    for (const route of this.#routes) {
      const match = route.pattern.exec(path);
      if (match === null) continue;
      if (route.method === method) return { route, params: { ...match.groups } };
      known = true;
    }
    return { known };
  }
}

function patternOf(path: string): RegExp {
  const source = path.replace(
    /:(\w+)(\*?)/g,
    (_, name: string, star: string) => `(?<${name}>${star ? ".+" : "[^/]+"})`,
  );
  return new RegExp(`^${source}$`);
}
