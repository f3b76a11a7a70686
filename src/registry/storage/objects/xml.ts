/**
 * As much of XML as the answers of object stores use: elements and text. Attributes, comments, declarations and
 * namespaces are passed over; there are no entities but the five of XML itself and character numbers.
 */
import { Failure } from "../../../errors.ts";

export interface XmlElement {
  readonly name: string;
  readonly text: string;
  readonly children: readonly XmlElement[];
}

interface Open {
  readonly name: string;
  text: string;
  readonly children: XmlElement[];
}

const token =
  /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)([^\s/>]+)[^>]*?(\/?)>|([^<]+)/g;
const maxDepth = 16;

/** The document's root. Throws `Failure("unavailable")` for what is none: it comes from a peer. */
export function parseXml(document: string): XmlElement {
  const root: Open = { name: "", text: "", children: [] };
  const open: Open[] = [root];
  for (const [, data, closing, name, empty, text] of document.matchAll(token)) {
    const top = open.at(-1) as Open;
    if (data !== undefined) top.text += data;
    else if (text !== undefined) top.text += unescape(text);
    else if (name === undefined) continue;
    else if (closing === "/") {
      if (top.name !== local(name) || open.length === 1) throw malformed();
      open.pop();
    } else {
      if (open.length > maxDepth) throw malformed();
      const element: Open = { name: local(name), text: "", children: [] };
      top.children.push(element);
      if (empty !== "/") open.push(element);
    }
  }
  const [element] = root.children;
  if (open.length !== 1 || element === undefined) throw malformed();
  return element;
}

export function childrenOf(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

/** Text of a child, or of a child's child: `textOf(error, "Code")`; undefined where there is none. */
export function textOf(element: XmlElement, ...names: readonly string[]): string | undefined {
  let at: XmlElement | undefined = element;
  for (const name of names) at = at?.children.find((child) => child.name === name);
  return at?.text;
}

export function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

const named: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function unescape(text: string): string {
  return text.replace(/&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(\w+));/g, (all, hex, decimal, name) => {
    if (name !== undefined) return named[name as string] ?? (all as string);
    const point = hex === undefined ? Number(decimal) : Number.parseInt(hex as string, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : (all as string);
  });
}

function local(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

function malformed(): Failure {
  return new Failure("unavailable", "the object store answered with XML that cannot be read");
}
