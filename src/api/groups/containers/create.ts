/** `POST /containers/create` (B178). */
import type { CreateContainer, Daemon } from "../../../engine/index.ts";
import type { Call } from "../../http/index.ts";

export async function create(daemon: Daemon, call: Call): Promise<void> {
  const { HostConfig = {}, NetworkingConfig: _networks, ...config } = await call.json();
  const imageName = String(config["Image"] ?? "");
  const image = await daemon.engine.images.resolve(imageName);
  const name = call.query.get("name") ?? "";
  const record = await daemon.engine.containers.create({
    imageName,
    image,
    ...(name !== "" && { name }),
    config: config as CreateContainer["config"],
    hostConfig: HostConfig as CreateContainer["hostConfig"],
  });
  call.reply(201, { Id: record.ID, Warnings: [] });
}
