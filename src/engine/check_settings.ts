import type { DaemonSettings } from "./daemon_settings.ts";

/**
 * What is known only to parts that a client of the engine does not load: options of logs, addresses of networks.
 * @throws Failure("invalid") in dockerd's words
 */
export async function checkSettings({ networks, containers }: DaemonSettings): Promise<void> {
  const [{ checkDefaults }, { checkLog }] = await Promise.all([
    import("../network/index.ts"),
    import("./containers/log_writer.ts"),
  ]);
  checkDefaults(networks ?? {});
  checkLog(containers);
}
