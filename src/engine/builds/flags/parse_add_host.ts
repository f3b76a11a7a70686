/** `--add-host`: lines of the commands' /etc/hosts (docker/cli, opts/hosts.go, ValidateExtraHost). */
import { isIP } from "node:net";
import { Failure } from "../../../errors.ts";

/**
 * `NAME:ADDRESS` or `NAME=ADDRESS`, an IPv6 address with or without brackets, or `host-gateway`: this machine, as a step
 * sees it. Throws `Failure("invalid")`.
 */
export function parseAddHost(text: string): { readonly name: string; readonly address: string } {
  const [, name = "", told = ""] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
  const address = told.replace(/^\[(.*)\]$/, "$1");
  if (!/^[\w.-]+$/.test(name)) throw new Failure("invalid", `bad format for add-host: "${text}"`);
  if (address !== "host-gateway" && isIP(address) === 0)
    throw new Failure("invalid", `invalid IP address in add-host: "${told}"`);
  return { name, address };
}
