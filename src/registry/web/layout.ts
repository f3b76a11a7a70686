/** The frame of each page, and the headers that keep it harmless. */
import { createHash } from "node:crypto";
import { Html, html, type HtmlValue } from "./html.ts";
import { script } from "./script.ts";
import { style } from "./style.ts";

export interface Page {
  readonly title: string;
  /** Above the title, from the list down to here. */
  readonly crumbs?: readonly Crumb[];
  readonly body: HtmlValue;
}

export interface Crumb {
  readonly text: string;
  readonly href: string;
}

/** What stands round a page. */
export interface Frame {
  readonly list: string;
  readonly trash: string;
  /** Who looks, and how he may go or come. */
  readonly who: HtmlValue;
  readonly notice?: HtmlValue;
}

const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

export const pageHeaders = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy": [
    "default-src 'none'",
    `style-src ${hashOf(style)}`,
    `script-src ${hashOf(script)}`,
    "img-src data:",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  // With no-referrer browsers send forms with the origin "null", which is nobody's.
  "Referrer-Policy": "same-origin",
  "Cache-Control": "no-store",
  Vary: "Cookie, Authorization, Accept",
};

const sheets = 'd="M1 4.5 8 1.2l7 3.3-7 3.3zM1 8l7 3.3L15 8M1 11.5l7 3.3 7-3.3"';
const drawn = `viewBox="0 0 16 16" fill="none" stroke-width="1.7" stroke-linejoin="round"`;
const mark = new Html(`<svg ${drawn} stroke="currentColor" aria-hidden="true"><path ${sheets}/></svg>`);

// Not part of a template: to the last blank they must be what the headers have the digest of.
const styleElement = new Html(`<style>${style}</style>`);
const scriptElement = new Html(`<script>${script}</script>`);

/** So that no browser asks for /favicon.ico. */
const icon = `data:image/svg+xml,${encodeURIComponent(
  `<svg xmlns="http://www.w3.org/2000/svg" ${drawn} stroke="#3389bd"><path ${sheets}/></svg>`,
)}`;

export function renderPage(page: Page, frame: Frame): string {
  const { title, crumbs = [], body } = page;
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · registry</title>
        <link rel="icon" href="${icon}" />
        ${styleElement}
      </head>
      <body>
        <a class="skip" href="#content">Skip to content</a>
        <header>
          <div class="bar">
            <a class="brand" href="${frame.list}">${mark}Registry</a>
            <nav aria-label="Pages">
              <a href="${frame.list}">Repositories</a><a href="${frame.trash}">Trash</a>
            </nav>
            <div class="who">${frame.who}</div>
          </div>
        </header>
        <main id="content" tabindex="-1">
          ${crumbs.length > 0 && crumbsOf(crumbs)}
          <h1>${title}</h1>
          ${frame.notice} ${body}
        </main>
        <footer>varve registry</footer>
        ${scriptElement}
      </body>
    </html> `;
  return document.text;
}

function crumbsOf(crumbs: readonly Crumb[]): Html {
  const links = crumbs.map(({ text, href }) => html`<a href="${href}">${text}</a> / `);
  return html`<nav class="crumbs" aria-label="Breadcrumbs">${links}</nav>`;
}
