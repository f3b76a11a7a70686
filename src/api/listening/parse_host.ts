/** `--host` (moby, opts/hosts.go). */
import { isIP } from "node:net";
import { Failure } from "../../errors.ts";

export type Host =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly name: string; readonly port: number }
  /** Sockets that systemd has opened; `name`: those of that name or number only. */
  | { readonly kind: "activated"; readonly name: string };

/**
 * `unix:///path`, `tcp://[NAME][:PORT]`, `NAME:PORT`, `fd://[NAME]`.
 * @param tls decides the port where none is given, as in dockerd: 2376 or 2375
 * @throws Failure("invalid")
 */
export function parseHost(text: string, tls: boolean): Host {
  const unix = /^unix:\/\/(\/.+)$/.exec(text)?.[1];
  if (unix !== undefined) return { kind: "unix", path: unix };
  const activated = /^fd:\/\/([\w.-]*)$/.exec(text)?.[1];
  if (activated !== undefined) return { kind: "activated", name: activated };
  const [, bracketed, plain, digits] =
    /^(?:tcp:\/\/)?(?:\[([\da-f:.]+)\]|([\w.-]*))(?::(\d{1,5}))?\/?$/i.exec(text) ?? [];
  const name = bracketed ?? plain;
  const port = Number(digits ?? (tls ? 2376 : 2375));
  const isName = bracketed === undefined || isIP(bracketed) === 6;
  if (name !== undefined && isName && port <= 65535 && text !== "")
    return { kind: "tcp", name: name || "localhost", port };
  throw new Failure("invalid", `unable to parse docker host ${JSON.stringify(text)}`, {
    hint: "Give unix:///path/to.sock, tcp://127.0.0.1:2375 or fd://.",
  });
}
