/** `varve registry serve`: from flags, file and environment to a server that ends by a signal. */
import { keepHeapSmall } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import { readConfig, type ServerConfig } from "./config/read_config.ts";
import { startServer, type RunningServer } from "./start_server.ts";

export interface RegistrySettings {
  /** A configuration file. */
  readonly config?: string | undefined;
  /** A directory, instead of the file's storage. */
  readonly root?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface ServeSettings extends RegistrySettings {
  /** `HOST:PORT` */
  readonly addr?: string | undefined;
  readonly logFormat?: string | undefined;
  /** Takes the line that says where it listens. */
  readonly stdout: (text: string) => void;
  /** Takes the log. */
  readonly stderr: (text: string) => void;
}

/** @throws Failure as `readConfig`; "invalid" where nothing says where the data are */
export async function readSettings(
  settings: RegistrySettings & Partial<ServeSettings>,
): Promise<ServerConfig> {
  const { config: file, root, environment, addr, logFormat } = settings;
  const isBare =
    file === undefined && !Object.keys(environment).some((name) => name.startsWith("REGISTRY_STORAGE"));
  if (isBare && root === undefined) {
    throw new Failure("invalid", "nothing says where the registry keeps its data", {
      hint: "Give --root DIR or a configuration.",
    });
  }
  const overrides = {
    ...(root !== undefined && {
      // Whoever wrote no configuration has not forbidden it either.
      storage: { filesystem: { rootdirectory: root }, ...(isBare && { delete: { enabled: true } }) },
    }),
    ...(addr !== undefined && { http: { addr } }),
    ...(logFormat !== undefined && { log: { formatter: logFormat } }),
  };
  return readConfig({ file, environment, overrides });
}

/**
 * Serves until SIGTERM or SIGINT, and then answers what has been asked; a second signal ends at once. SIGHUP reads
 * certificates and the audit log's file anew. (Files of users are looked at by themselves.) Returns the exit code.
 * @throws Failure as `readSettings` and `startServer`
 */
export async function serve(settings: ServeSettings): Promise<number> {
  keepHeapSmall();
  const config = await readSettings(settings);
  const log = batched(settings.stderr);
  try {
    const server = await startServer(config, log.write);
    settings.stdout(`listening on ${server.scheme}://${server.address}\n`);
    await untilStopped(server);
  } finally {
    log.flush();
  }
  return 0;
}

/** A write to a pipe or file holds up everything: one for all lines of a turn of the event loop. */
function batched(write: (text: string) => void) {
  let waiting = "";
  const flush = () => {
    const text = waiting;
    waiting = "";
    if (text !== "") write(text);
  };
  return {
    write: (line: string) => {
      if (waiting === "") setImmediate(flush);
      waiting += line;
    },
    flush,
  };
}

async function untilStopped(server: RunningServer): Promise<void> {
  const hurry = new AbortController();
  const asked = Promise.withResolvers<void>();
  let signals = 0;
  const stop = () => {
    signals += 1;
    if (signals > 1) hurry.abort();
    asked.resolve();
  };
  const reload = () => void server.reload();
  process.on("SIGTERM", stop).on("SIGINT", stop).on("SIGHUP", reload);
  try {
    await asked.promise;
    await server.stop(hurry.signal);
  } finally {
    process.off("SIGTERM", stop).off("SIGINT", stop).off("SIGHUP", reload);
  }
}
