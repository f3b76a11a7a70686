/** The streams of all containers that run or that somebody is attached to. */
import type { ContainerRecord } from "../containers/record.ts";
import { ContainerStreams } from "./container_streams.ts";

export class StreamsOfContainers {
  readonly #streams = new Map<string, ContainerStreams>();

  of({ ID, Config }: ContainerRecord): ContainerStreams {
    let streams = this.#streams.get(ID);
    if (streams === undefined) {
      // A terminal's input does not end with the client that leaves it (moby, container/stream/attach.go).
      streams = new ContainerStreams(Config.StdinOnce === true && Config.Tty !== true);
      this.#streams.set(ID, streams);
    }
    return streams;
  }

  /** Of a container that does not run: unless somebody is attached. */
  forget(id: string): void {
    if (this.#streams.get(id)?.isIdle === true) this.#streams.delete(id);
  }
}
