/** `--cidfile`: where a script finds the ID of the container that it made (docker/cli, cli/command/container/create.go). */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { Failure } from "../../errors.ts";

/** Disposal takes a file away in which no ID stands. */
export interface Cidfile extends Disposable {
  write(id: string): void;
}

/**
 * Makes the file, before anything else is made. @param path undefined: none is asked for
 * @throws Failure("conflict") in Docker's words for a file that is there, `invalid` for one that cannot be made
 */
export function makeCidfile(path: string | undefined): Cidfile {
  if (path === undefined) return { write: () => undefined, [Symbol.dispose]: () => undefined };
  const fd = open(path);
  let isWritten = false;
  return {
    write: (id) => {
      writeSync(fd, id);
      isWritten = true;
    },
    [Symbol.dispose]: () => {
      closeSync(fd);
      if (!isWritten) rmSync(path, { force: true });
    },
  };
}

function open(path: string): number {
  try {
    return openSync(path, "wx", 0o644);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") {
      throw new Failure(
        "conflict",
        `container ID file found, make sure the other container isn't running or delete ${path}`,
      );
    }
    throw new Failure("invalid", `failed to create the container ID file: ${(cause as Error).message}`, {
      cause,
    });
  }
}
