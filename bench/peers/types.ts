/** What the benchmark knows of an engine. */
import type { Cgroup } from "../measure/cgroup.ts";

export type Command = readonly string[];

export interface PeerContext {
  /** Empty directory on the disk of this pull. */
  readonly directory: string;
  /** All of the engine's processes belong into it. */
  readonly cgroup: Cgroup;
  readonly signal: AbortSignal;
}

export interface BuildCommand {
  /** Directory with a Dockerfile. */
  readonly context: string;
  /** For the image that is built. */
  readonly name: string;
  /** Whether steps may be taken from the engine's cache. */
  readonly cache: boolean;
}

/** An engine that is up, on an empty store. Disposing ends it. */
export interface RunningPeer extends AsyncDisposable {
  /** Commands that, one after the other, bring the image into the store and unpack it. */
  pull(image: string): readonly Command[];
  /** Commands that remove the image and all that its pull has stored, of it. Nothing is left for later. */
  remove(image: string): readonly Command[];
  /** Command that runs another one in a container, without a network, and removes the container. */
  run?(image: string, command: Command): Command;
  /** Command that builds an image, without a network. */
  build?(options: BuildCommand): Command;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Peer {
  readonly name: string;
  /** As it says itself. @throws Error where it is not installed */
  version(): string;
  /** Starts what has to run before a pull. */
  start(context: PeerContext): Promise<RunningPeer>;
}
