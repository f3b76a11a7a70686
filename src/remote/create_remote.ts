/** Puts a {@link Remote} together out of options, Docker's settings and the environment. */
import type { CredentialLookup, Credentials } from "./auth/credentials.ts";
import { defaultDockerConfigPath, DockerConfig } from "./auth/docker_config.ts";
import { Tokens } from "./auth/tokens.ts";
import { Endpoints } from "./hosts/endpoints.ts";
import { Agents } from "./http/agents.ts";
import { systemClock } from "./http/clock.ts";
import { send, type HttpRequest } from "./http/send.ts";
import type { RemoteOptions } from "./options.ts";
import { UploadJournal } from "./push/upload_journal.ts";
import { Registries } from "./registries.ts";
import { Remote, type RemoteParts } from "./remote.ts";

/** A keychain may ask the user to unlock it. Milliseconds. */
const helperPatience = 5 * 60_000;

/** Nothing is read or sent before the first call; then bad settings throw `Failure("invalid")`. */
export function createRemote(options: RemoteOptions = {}): Remote {
  const { environment = process.env, clock = systemClock, userAgent = "varve", idleMs = 60_000 } = options;
  const endpoints = new Endpoints(
    options.hosts ?? {},
    options.daemonJsonPath ?? "/etc/docker/daemon.json",
    options.certsDirectory ?? "/etc/docker/certs.d",
    {
      ...(options.registryMirrors !== undefined && { mirrors: options.registryMirrors }),
      ...(options.insecureRegistries !== undefined && { insecure: options.insecureRegistries }),
    },
  );
  const agents = new Agents(environment, (host) => endpoints.tlsOf(host));
  const isInsecure = (host: string) => endpoints.isInsecure(host);
  const transport = (request: HttpRequest) => send(request, { agent: agents.for(request.url), idleMs });
  const config = new DockerConfig(
    options.dockerConfigPath ?? defaultDockerConfigPath(environment),
    environment,
  );
  const { lookup, forget } = rememberCredentials(options.credentials ?? {}, config);
  const journal = new UploadJournal(options.uploadsDirectory);
  const remoteWith = (credentials: CredentialLookup, ends: Pick<RemoteParts, "forget" | "close">): Remote => {
    const tokens = new Tokens({ send: transport, clock, isInsecure, userAgent });
    const { downloadRetries } = options;
    const told = { clock, userAgent, isInsecure, downloadRetries };
    const connections = { send: transport, tokens, credentials, ...told };
    return new Remote({
      registries: new Registries(endpoints, connections),
      credentials,
      config,
      journal,
      concurrentDownloads: options.concurrentDownloads,
      concurrentUploads: options.concurrentUploads,
      withCredentials: (other) => remoteWith(other, { forget: () => undefined, close: () => undefined }),
      ...ends,
    });
  };
  return remoteWith(lookup, { forget, close: () => agents.close() });
}

/** A helper is a process: it is asked once for each registry, not once for each request. */
function rememberCredentials(given: Readonly<Record<string, Credentials>>, config: DockerConfig) {
  const known = new Map<string, Promise<Credentials | undefined>>();
  const lookup: CredentialLookup = (domain) => {
    const own = Object.hasOwn(given, domain) ? given[domain] : undefined;
    if (own !== undefined) return Promise.resolve(own);
    let found = known.get(domain);
    if (found === undefined) {
      found = config.find(domain, AbortSignal.timeout(helperPatience));
      known.set(domain, found);
    }
    return found;
  };
  return { lookup, forget: () => known.clear() };
}
