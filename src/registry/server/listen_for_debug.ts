/** The address for the operator's network. */
import type { ServerConfig } from "./config/read_config.ts";
import { listen, type Listener } from "./listener.ts";
import { answerStatus, type StatusPages } from "./status_pages.ts";

/** distribution's debug server: health, and metrics if it has them; for the operator's network, nobody is asked for rights. */
export async function listenForDebug(
  { http: { debug } }: ServerConfig,
  pages: StatusPages,
  shared: Pick<Parameters<typeof listen>[0], "limits" | "logger">,
): Promise<Listener | undefined> {
  if (debug?.addr === undefined) return undefined;
  const { enabled, path } = debug.prometheus;
  const own = { ...pages, guard: undefined, metricsPath: enabled ? path : undefined };
  return listen({ ...shared, address: debug.addr, tls: undefined, http2: false }, (request, response) => {
    void answerStatus(own, request, response, (request.url ?? "/").split("?", 1)[0] as string).then(
      (done) => {
        if (!done) response.writeHead(404).end();
      },
    );
  });
}
