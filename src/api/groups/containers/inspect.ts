/** `GET /containers/{id}/json` (B178). */
import type { Daemon } from "../../../engine/index.ts";
import type { Call } from "../../http/index.ts";

export async function inspect(daemon: Daemon, call: Call): Promise<void> {
  const { HostConfig, ...shown } = await daemon.engine.containers.inspect(call.param("id"), {
    size: call.flag("size"),
  });
  call.reply(200, {
    ...shown,
    ExecIDs: daemon.live.execs.idsOf(shown.Id),
    NetworkSettings: withNames(shown.NetworkSettings, call.isAtLeast("1.44")),
    HostConfig: call.isAtLeast("1.42") ? withoutKernelMemory(HostConfig) : HostConfig,
  });
}

/** `DNSNames` of each network came with API 1.44. */
function withNames(settings: object, known: boolean): object {
  const { Networks } = settings as { readonly Networks: Readonly<Record<string, object>> };
  const each = Object.entries(Networks).map(
    ([name, { DNSNames, ...endpoint }]: [string, { DNSNames?: unknown }]) => [
      name,
      known ? { ...endpoint, DNSNames: DNSNames ?? null } : endpoint,
    ],
  );
  return { ...settings, Networks: Object.fromEntries(each) };
}

/** The limits went with API 1.42; a record of dockerd's may have them. */
function withoutKernelMemory(hostConfig: object): object {
  const { KernelMemory: _memory, KernelMemoryTCP: _tcp, ...kept } = hostConfig as Record<string, unknown>;
  return kept;
}
