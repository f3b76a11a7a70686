/** `POST /commit`: a container becomes an image (Engine API, Image; B178). */
import { loadBuilder, type CreateContainer, type Daemon } from "../../../engine/index.ts";
import { Failure } from "../../../errors.ts";
import { parseReference, withDefaultTag } from "../../../oci/index.ts";
import { readBody, type Call } from "../../http/index.ts";
import { nameWithTag } from "../images/name_with_tag.ts";
import { configShape } from "./create/config_shape.ts";

/**
 * The body's config and the changes win over what the container has; without one the container's is changed (moby,
 * daemon/commit.go, `CreateImageFromContainer`, `merge`).
 */
export async function commit(daemon: Daemon, call: Call): Promise<void> {
  const asked = (name: string): string => call.query.get(name) ?? "";
  const sent = await call.json();
  const body = readBody(configShape, sent) as CreateContainer["config"];
  if (asked("container") === "") throw new Failure("invalid", 'invalid name or ID supplied: ""');
  const record = await daemon.live.find(asked("container"));
  const text = nameWithTag(asked("repo"), asked("tag"));
  const name = text === undefined ? undefined : withDefaultTag(parseReference(text));
  const { applyChanges } = await loadBuilder();
  const changes = call.query.getAll("changes");
  const [author, message] = [asked("author"), asked("comment")];
  const make = () =>
    daemon.engine.containers.commit(record.ID, {
      ...(isEmpty(sent)
        ? { change: (config) => applyChanges(config, changes) }
        : { config: applyChanges(body, changes) }),
      ...(name !== undefined && { name }),
      ...(author !== "" && { author }),
      ...(message !== "" && { message }),
      // It is paused by its supervisor, who knows what else is asked of it meanwhile.
      pause: false,
      signal: call.signal,
    });
  const isPaused = asked("pause") === "" || call.flag("pause");
  const { id } = await (isPaused ? daemon.live.whilePaused(record.ID, make) : make());
  call.reply(201, { Id: id });
}

function isEmpty(body: unknown): boolean {
  return typeof body !== "object" || body === null || Object.keys(body).length === 0;
}
