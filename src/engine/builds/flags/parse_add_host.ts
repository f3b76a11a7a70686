/** `--add-host`: lines of the commands' /etc/hosts (docker/cli, opts/hosts.go, ValidateExtraHost). */
import { isIP } from "node:net";
import { Failure } from "../../../errors.ts";

/** `NAME:ADDRESS` or `NAME=ADDRESS`, an IPv6 address with or without brackets. Throws `Failure("invalid")`. */
export function parseAddHost(text: string): { readonly name: string; readonly address: string } {
  const [, name = "", told = ""] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
  const address = told.replace(/^\[(.*)\]$/, "$1");
  if (address === "host-gateway") {
    throw new Failure(
      "unsupported",
      `--add-host ${text}: the network of a step has no gateway to this machine`,
      {
        hint: "With --network host this machine is 127.0.0.1.",
      },
    );
  }
  if (!/^[\w.-]+$/.test(name)) throw new Failure("invalid", `bad format for add-host: "${text}"`);
  if (isIP(address) === 0) throw new Failure("invalid", `invalid IP address in add-host: "${told}"`);
  return { name, address };
}
