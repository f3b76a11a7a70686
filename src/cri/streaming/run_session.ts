/** Connects a client's streams with a container. */
import type { Daemon } from "../../engine/index.ts";
import type { ContainerOffer, RemoteSession } from "./remote_session.ts";

/** Ends with the command, or with the client. Never rejects: what went wrong is told to the client. */
export async function runSession(
  daemon: Daemon,
  offer: ContainerOffer,
  session: RemoteSession,
): Promise<void> {
  try {
    session.end(
      offer.kind === "exec" ? await exec(daemon, offer, session) : await attach(daemon, offer, session),
    );
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    session.end({ metadata: {}, status: "Failure", message, reason: "InternalError", code: 500 });
  }
}

const success = { metadata: {}, status: "Success" };

async function exec(daemon: Daemon, offer: ContainerOffer, session: RemoteSession): Promise<object> {
  const { execs } = daemon.live;
  const { stdin, stdout, stderr } = session;
  const id = await execs.create(offer.container, {
    Cmd: offer.command,
    Tty: offer.tty,
    AttachStdin: stdin !== undefined,
    AttachStdout: stdout !== undefined,
    AttachStderr: stderr !== undefined,
  });
  const attachment = await execs.start(id, { streams: { stdin, stdout, stderr } });
  session.gone.addEventListener("abort", () => attachment?.close(), { once: true });
  if (session.gone.aborted) attachment?.close();
  session.onResize(({ columns, rows }) => void execs.resize(id, columns, rows).catch(() => undefined));
  await attachment?.ended;
  const exitCode = execs.inspect(id).ExitCode ?? 0;
  return exitCode === 0 ? success : failedWith(exitCode);
}

async function attach(daemon: Daemon, offer: ContainerOffer, session: RemoteSession): Promise<object> {
  const { stdin, stdout, stderr } = session;
  const attachment = await daemon.live.attach(offer.container, { stdin, stdout, stderr });
  session.gone.addEventListener("abort", () => attachment.close(), { once: true });
  if (session.gone.aborted) attachment.close();
  session.onResize(
    ({ columns, rows }) => void daemon.live.resize(offer.container, columns, rows).catch(() => undefined),
  );
  await attachment.ended;
  return success;
}

/** By which clients know the exit code (k8s.io/apimachinery, `NonZeroExitCodeReason`). */
function failedWith(exitCode: number): object {
  return {
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
  };
}
