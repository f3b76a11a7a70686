/** The registry's pages for people: `GET /` and what is below `/ui/`. Complete without a script. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isFailure } from "../../errors.ts";
import type { Access, AccessController } from "../access/types.ts";
import type { RegistryCore } from "../core.ts";
import { exchangeOf, originOf } from "../create_registry.ts";
import { answer, drain, type Headers } from "../exchange.ts";
import type { RegistryHooks } from "../hooks.ts";
import { RegistryError } from "../registry_error.ts";
import type { StorageDriver } from "../storage/types.ts";
import { BoundedCache } from "./bounded_cache.ts";
import { cookieOf, FormToken, readForm } from "./forms.ts";
import { html, type HtmlValue } from "./html.ts";
import { LayerUsers } from "./layer_users.ts";
import { pageHeaders, renderPage, type Page } from "./layout.ts";
import { Links, type Place } from "./links.ts";
import { logIn, loginPage, strangerPage } from "./login_page.ts";
import { ManifestReader } from "./manifest_facts.ts";
import { noticeOf } from "./notices.ts";
import { actAt, pageAt } from "./places.ts";
import { postForm } from "./post_form.ts";
import { refusedPage } from "./refused_page.ts";
import type { Shelf, View } from "./view.ts";
import { Visitor } from "./visitor.ts";

export interface WebOptions {
  readonly core: RegistryCore;
  /** The one that the core guards. */
  readonly storage: StorageDriver;
  readonly access: Access;
  /** The access's controller with limits in front. */
  readonly guard: AccessController;
  /** Counts an attempt to log in. @throws RegistryError TOOMANYREQUESTS */
  readonly count: (request: IncomingMessage) => void;
  /** That a proxy puts in front of all paths. */
  readonly prefix: string;
  /** Of the list. */
  readonly path: string;
  /** How clients reach us, `https://registry.example`; undefined: as the request says. */
  readonly host: string | undefined;
}

export interface WebContext {
  readonly requestId: string;
  /** As the core is told it. */
  readonly origin?: string;
  readonly onError: (error: unknown) => void;
}

const sessionCookie = "varve_session";
const sizesRemembered = 50_000;

export class WebPages implements RegistryHooks {
  readonly #options: WebOptions;
  readonly #shelf: Shelf;

  constructor(options: WebOptions) {
    const { core, storage, prefix, path } = options;
    this.#options = options;
    this.#shelf = {
      core,
      storage,
      links: new Links(prefix, path),
      manifests: new ManifestReader(storage),
      users: new LayerUsers(storage),
      sizes: new BoundedCache(sizesRemembered),
    };
  }

  /** So that pages know at once what happens here. */
  onEvent: NonNullable<RegistryHooks["onEvent"]> = ({ repository, action }) => {
    if (action !== "pull") this.#shelf.users.forget(repository);
  };

  /** Whether the path, without prefix and query, is one of a page. */
  has(path: string): boolean {
    return this.#shelf.links.placeOf(path) !== undefined;
  }

  /** Answers a request for one of the pages. Rejects only when the connection is broken. */
  async answer(request: IncomingMessage, response: ServerResponse, context: WebContext): Promise<void> {
    const view = await this.#viewOf(request, response, context);
    const { exchange, links } = view;
    const place = links.placeOf(exchange.path) ?? "unknown";
    try {
      // As of distribution: probes of load balancers want 200 there, and nothing else.
      if (exchange.path === "/" && !/text\/html/.test(request.headers.accept ?? ""))
        await answer(exchange, 200);
      else if (exchange.method === "POST") await this.#act(view, place);
      else if (exchange.method === "GET" || exchange.method === "HEAD") await this.#show(view, place);
      else throw new RegistryError("UNSUPPORTED", [undefined], { Allow: "GET, HEAD, POST" });
    } catch (error) {
      if (response.headersSent || response.destroyed) throw error;
      await this.#refuse(view, error, context.onError);
    }
    await drain(exchange);
  }

  async #viewOf(request: IncomingMessage, response: ServerResponse, context: WebContext): Promise<View> {
    const { access, guard, host } = this.#options;
    const exchange = exchangeOf(request, response, context);
    const site = new URL(host ?? (originOf(request) || "http://localhost"));
    const text = request.headers.authorization === undefined ? cookieOf(request, sessionCookie) : undefined;
    const session = text === undefined ? undefined : await access.login?.resume(text);
    return {
      ...this.#shelf,
      exchange,
      visitor: new Visitor({ access, guard, request, origin: exchange.origin, session }),
      token: new FormToken(request),
      query: exchange.query,
      host: site.host,
      isTls: site.protocol === "https:",
    };
  }

  async #show(view: View, place: Place | "unknown"): Promise<void> {
    if (place !== "unknown" && place.kind === "login") await this.#showLogin(view);
    else await this.#send(view, 200, await pageAt(view, place), place);
  }

  async #showLogin(view: View): Promise<void> {
    if (this.#options.access.login !== undefined)
      return this.#send(view, 200, loginPage(view, view.links.list(), false));
    // Whoever may not even know that there is a registry is asked by the browser.
    view.exchange.identity = await view.visitor.admit([]);
    return this.#go(view, view.links.list());
  }

  async #act(view: View, place: Place | "unknown"): Promise<void> {
    const { exchange, token, host, links } = view;
    const { login } = this.#options.access;
    const told = exchange.request.headers.host?.toLowerCase();
    const form = await readForm(exchange, token, [host, ...(told === undefined ? [] : [told])]);
    if (place === "unknown") throw new RegistryError("NAME_UNKNOWN");
    if (place.kind === "logout") return this.#go(view, links.list(), { session: "", life: 0 });
    if (place.kind !== "login") return this.#go(view, await actAt(view, place, form));
    if (login === undefined) throw new RegistryError("UNSUPPORTED");
    this.#options.count(exchange.request);
    const done = await logIn(view, login, form);
    if (done === undefined) return this.#send(view, 401, loginPage(view, form.get("next") ?? "", true));
    return this.#go(view, done.next, { session: done.session, life: login.expires });
  }

  async #refuse(view: View, error: unknown, onError: WebContext["onError"]): Promise<void> {
    const { exchange, visitor } = view;
    if (!(error instanceof RegistryError) && !isFailure(error, "not-found") && !isFailure(error, "conflict"))
      onError(error);
    if (error instanceof RegistryError && error.status === 401 && visitor.session === undefined) {
      const canLogIn = this.#options.access.login !== undefined;
      const here = this.#options.prefix.replace(/\/$/, "") + (exchange.request.url ?? "/");
      const page = canLogIn ? loginPage(view, here, false) : strangerPage(error);
      return this.#send(view, 401, page, undefined, error.headers);
    }
    const { status, headers, page } = refusedPage(view, error);
    await this.#send(view, status, page, undefined, headers);
  }

  async #send(
    view: View,
    status: number,
    page: Page,
    place?: Place | "unknown",
    headers: Headers = {},
  ): Promise<void> {
    const { links, exchange } = view;
    const name = place !== undefined && place !== "unknown" && "name" in place ? place.name : undefined;
    const frame = {
      list: links.list(),
      trash: links.own("trash"),
      who: this.#who(view),
      notice: noticeOf(view, name),
    };
    const text = renderPage(page, frame);
    const cookie = view.token.cookie(this.#cookieAttributes(view));
    if (cookie !== undefined) exchange.response.appendHeader("Set-Cookie", cookie);
    await answer(exchange, status, { ...pageHeaders, ...headers }, text);
  }

  #who(view: View): HtmlValue {
    const { visitor, links } = view;
    const { user, session } = visitor;
    if (session !== undefined)
      return html`<span>${session.user}</span> ${postForm(view, links.own("logout"), {}, html`<button>Log out</button>`)}`;
    if (user !== undefined) return html`<span>${user}</span>`;
    return visitor.isRestricted && html`<a href="${links.own("login")}">Log in</a>`;
  }

  async #go(
    view: View,
    to: string,
    cookie?: { readonly session: string; readonly life: number },
  ): Promise<void> {
    const { response } = view.exchange;
    if (cookie !== undefined) {
      const attributes = `${this.#cookieAttributes(view)}; Max-Age=${cookie.life}`;
      response.appendHeader("Set-Cookie", `${sessionCookie}=${cookie.session}; ${attributes}`);
    }
    await answer(view.exchange, 303, { Location: to, "Cache-Control": "no-store" });
  }

  #cookieAttributes({ links, isTls }: View): string {
    return `Path=${links.root}; HttpOnly; SameSite=Strict${isTls ? "; Secure" : ""}`;
  }
}
