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

  /** To Docker a path that has only other methods is as unknown as any (moby, api/server/server.go, `createMux`). */
  find(
    method: string,
    path: string,
  ): { readonly route: Route; readonly params: Record<string, string> } | undefined {
    for (const route of this.#routes) {
      if (route.method !== method) continue;
      const match = route.pattern.exec(path);
      if (match !== null) return { route, params: { ...match.groups } };
    }
    return undefined;
  }
}

function patternOf(path: string): RegExp {
  const source = path.replace(
    /:(\w+)(\*?)/g,
    (_, name: string, star: string) => `(?<${name}>${star ? ".+" : "[^/]+"})`,
  );
  return new RegExp(`^${source}$`);
}
