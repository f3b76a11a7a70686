/** `--secret` and `--ssh`: what commands may see and no layer may hold (docker/cli, cli/command/image/build). */
import type { SecretSource } from "../../../build/index.ts";
import { Failure } from "../../../errors.ts";
import { csvAttributes } from "./csv_fields.ts";

/** `id=NAME[,src=FILE|,env=VARIABLE]`; without a source the variable NAME, if there is one, else the file NAME. */
export function parseSecret(
  text: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): readonly [string, SecretSource] {
  const attributes = csvAttributes(text, "secret");
  const allowed = new Set(["type", "id", "src", "source", "env"]);
  const wrong = [...attributes.keys()].find((key) => !allowed.has(key));
  if (wrong !== undefined) throw new Failure("invalid", `unexpected key '${wrong}' in '${text}' of --secret`);
  const type = attributes.get("type");
  if (type !== undefined && type !== "file" && type !== "env")
    throw new Failure("invalid", `unsupported secret type "${type}"`);
  const source = attributes.get("src") ?? attributes.get("source");
  const variable = attributes.get("env");
  const id = attributes.get("id") ?? source ?? variable;
  if (id === undefined || id === "") throw new Failure("invalid", `secret "${text}" has no id`);
  if (variable !== undefined) return [id, { env: variable }];
  // `type=env,src=NAME` is the older spelling.
  if (type === "env") return [id, { env: source ?? id }];
  if (source !== undefined) return [id, { file: source }];
  return [id, type !== "file" && environment[id] !== undefined ? { env: id } : { file: id }];
}

/** `default`, `ID`, or `ID=SOCKET`; without a path the agent of $SSH_AUTH_SOCK. Throws `Failure("invalid")`. */
export function parseSsh(
  text: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): readonly [string, string] {
  const equals = text.indexOf("=");
  const [id, path] = equals < 0 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
  if (id === "") throw new Failure("invalid", `invalid value "${text}" for --ssh: it has no id`);
  if (path?.includes(",") === true)
    throw new Failure("unsupported", `--ssh ${text}: keys cannot be served, only the socket of an agent`, {
      hint: "Start an agent and add the keys: eval $(ssh-agent); ssh-add FILE",
    });
  const socket = path ?? environment["SSH_AUTH_SOCK"];
  if (socket === undefined || socket === "") {
    throw new Failure("invalid", `invalid empty ssh agent socket for --ssh ${id}`, {
      hint: "Make sure SSH_AUTH_SOCK is set: eval $(ssh-agent)",
    });
  }
  return [id, socket];
}
