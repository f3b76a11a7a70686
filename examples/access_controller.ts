/**
 * A sample access controller: keys of machines in a file, by which teams may push to their own namespace and everybody may
 * pull. (Outside this repository its types come from "varve/registry".) Run the registry with
 *
 *     auth:
 *       custom:
 *         module: ./access_controller.ts
 *         options: {keys: /etc/varve/keys.json, realm: machines}
 *
 * where the file is `{"<sha-256 of the key, hex>": "<team>"}`. Clients send the key as password of any user. A package that
 * is installed beside the registry is named as in an import.
 *
 * The registry asks `authorize` once for each request, before it does anything. Throw a refusal, an object with `code`
 * `UNAUTHORIZED` (say how to get in) or `DENIED` (known, but may not), as `deny` does below, and the client gets it in the
 * registry's own words. Anything else that is thrown becomes a 500 and goes to the log.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { AccessController, AccessRefusal, AccessRequest, Scope } from "../src/registry/index.ts";

interface Options {
  readonly keys: string;
  readonly realm: string;
}

/** The registry calls this once, with the configuration's `options` as they are. What it throws ends the start. */
export default async function createAccessController(options: Options): Promise<AccessController> {
  const teams = JSON.parse(await readFile(options.keys, "utf8")) as Record<string, string>;
  return {
    async authorize({ request, needed }: AccessRequest) {
      const team = teamOf(request.headers.authorization, teams);
      if (team === undefined) throw deny("UNAUTHORIZED", `Basic realm="${options.realm}"`);
      if (!needed.every((scope) => isAllowed(team, scope))) throw deny("DENIED");
      return { user: team, groups: [] };
    },
  };
}

function teamOf(header: string | undefined, teams: Record<string, string>): string | undefined {
  const encoded = /^Basic (.+)$/.exec(header ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const key = text.slice(text.indexOf(":") + 1);
  // The digest is looked up, not the key: how long that takes tells nothing about the key.
  return teams[createHash("sha256").update(key).digest("hex")];
}

/** `needed` is what the request does: `{type: "repository", name: "team/app", actions: ["pull", "push"]}`. */
function isAllowed(team: string, { type, name, actions }: Scope): boolean {
  if (type !== "repository") return false;
  return name.startsWith(`${team}/`) || actions.every((action) => action === "pull");
}

function deny(code: AccessRefusal["code"], challenge?: string): AccessRefusal & Error {
  return Object.assign(new Error(code), { code, ...(challenge !== undefined && { challenge }) });
}
