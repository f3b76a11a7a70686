/** `varve cri`: serves until SIGTERM or SIGINT. */
import { enterNamespace, notifyService, type EngineOptions } from "../engine/index.ts";
import { serveCri } from "./serve_cri.ts";

export interface RunCriOptions extends EngineOptions {
  readonly host: string;
  readonly network: string;
  readonly insecureRegistries: readonly string[];
  readonly registryMirrors: readonly string[];
}

/** Returns the exit code. Says `CRI listen on …` when it is ready. */
export async function runCri(options: RunCriOptions, say: (line: string) => void): Promise<number> {
  const { registryMirrors, insecureRegistries, ...serving } = options;
  await enterNamespace({ ...serving, mounts: true });
  const ended = Promise.withResolvers<void>();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => ended.resolve());
  // A client that goes away is no reason to end.
  process.on("SIGPIPE", () => undefined);
  await using running = await serveCri({
    ...serving,
    settings: {
      debug: false,
      labels: [],
      containers: {},
      ...(registryMirrors.length > 0 && { registryMirrors }),
      ...(insecureRegistries.length > 0 && { insecureRegistries }),
    },
    warn: (text) => say(`warn: ${text}`),
  });
  say(`CRI listen on ${running.address.replace(/^unix:\/\//, "")}`);
  const manager = process.env["NOTIFY_SOCKET"];
  if (manager !== undefined) notifyService(manager, "READY=1");
  await ended.promise;
  if (manager !== undefined) notifyService(manager, "STOPPING=1");
  return 0;
}
