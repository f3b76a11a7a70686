/**
 * Forms, and what proves that they were ours: browsers send credentials of Basic along with a form of any site. The form
 * must come from a page of this origin, as the browser says, and repeat what a cookie holds that only our pages know.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { readBody, type Exchange } from "../exchange.ts";
import { RegistryError } from "../registry_error.ts";
import { html, type Html } from "./html.ts";

/** Bytes. */
const longestForm = 16 << 10;
const tokenCookie = "varve_form";

/** The token of this browser's forms, made when the first form is shown. */
export class FormToken {
  readonly #known: string | undefined;
  #made: string | undefined;

  constructor(request: IncomingMessage) {
    const value = cookieOf(request, tokenCookie);
    this.#known = value !== undefined && /^[\w-]{32}$/.test(value) ? value : undefined;
  }

  field(): Html {
    const value = (this.#made ??= this.#known ?? randomBytes(24).toString("base64url"));
    return html`<input type="hidden" name="token" value="${value}" />`;
  }

  /** Undefined: the browser has it, or needs none. */
  cookie(attributes: string): string | undefined {
    return this.#made === undefined || this.#made === this.#known
      ? undefined
      : `${tokenCookie}=${this.#made}; ${attributes}`;
  }

  matches(value: string): boolean {
    const [ours, told] = [Buffer.from(this.#known ?? ""), Buffer.from(value)];
    return ours.length > 0 && ours.length === told.length && timingSafeEqual(ours, told);
  }
}

/** @param hosts under which we are known @throws RegistryError for a form that is none of ours */
export async function readForm(
  exchange: Exchange,
  token: FormToken,
  hosts: readonly string[],
): Promise<URLSearchParams> {
  const { headers } = exchange.request;
  if (!/^application\/x-www-form-urlencoded(?:;|$)/i.test(headers["content-type"] ?? ""))
    throw refused("this is no form", 415);
  const site = headers["sec-fetch-site"];
  if (!hosts.includes(hostOf(headers.origin) ?? "") || (site !== undefined && site !== "same-origin"))
    throw refused("the form was sent by a page of another site");
  const form = new URLSearchParams((await readBody(exchange, longestForm)).toString("utf8"));
  if (!token.matches(form.get("token") ?? ""))
    throw refused("the form is too old, or cookies are switched off: load its page again");
  return form;
}

function refused(message: string, status = 403): RegistryError {
  return new RegistryError("DENIED", [undefined], {}, { status, message });
}

function hostOf(origin: string | undefined): string | undefined {
  return /^https?:\/\/([^/]+)$/.exec(origin ?? "")?.[1]?.toLowerCase();
}

export function cookieOf({ headers }: IncomingMessage, name: string): string | undefined {
  const cookies = (headers.cookie ?? "").split(";").map((each) => each.trim());
  return cookies.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
}
