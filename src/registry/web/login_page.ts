/** Logging in where the registry gives out tokens itself, and the words for where it does not. */
import type { BrowserLogin } from "../access/types.ts";
import type { RegistryError } from "../registry_error.ts";
import { html } from "./html.ts";
import type { Page } from "./layout.ts";
import type { View } from "./view.ts";

/** @param next where to go then @param wrong the last attempt failed */
export function loginPage({ links, token }: View, next: string, wrong: boolean): Page {
  return {
    title: "Log in",
    crumbs: [{ text: "Repositories", href: links.list() }],
    body: html`${wrong && html`<p class="notice bad" role="alert">This name and password do not fit.</p>`}
      <form class="login" method="post" action="${links.own("login")}">
        ${token.field()}
        <input type="hidden" name="next" value="${next}" />
        <label>User<input name="user" autocomplete="username" autocapitalize="none" spellcheck="false" required></label>
        <label>Password<input name="password" type="password" autocomplete="current-password" required></label>
        <div><button class="strong">Log in</button></div>
      </form>`,
  };
}

/** To one whom the registry does not know and who cannot log in by a form. */
export function strangerPage({ headers }: RegistryError): Page {
  const isBasic = /^Basic /i.test(headers["WWW-Authenticate"] ?? "");
  return {
    title: "Not logged in",
    body: isBasic
      ? html`<p>This page is for users of the registry. Load it again to be asked for name and password.</p>`
      : html`<p>
          This registry takes tokens of another server, which a browser cannot fetch by itself. A proxy that
          adds <code>Authorization: Bearer …</code> can show this page; with docker, podman or varve, log in
          as usual.
        </p>`,
  };
}

/** Returns the session's text, and where to go; undefined: wrong. */
export async function logIn(
  { links }: View,
  login: BrowserLogin,
  form: URLSearchParams,
): Promise<{ readonly session: string; readonly next: string } | undefined> {
  const session = await login.begin(form.get("user") ?? "", form.get("password") ?? "");
  const next = form.get("next") ?? "";
  return session === undefined ? undefined : { session, next: links.isOurs(next) ? next : links.list() };
}
