/**
 * A shell that outlives this process by a moment: it reads a pipe from us, and when that ends, by whatever death, it kills
 * the containers of the steps that still run. What it leaves (bundles, mounts) the next command takes away, and without it
 * the containers, too.
 */
import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { stateFolder } from "../../runtime/index.ts";

export interface StepGuard {
  /** Watches over a container until disposal. */
  watch(id: string): Disposable;
}

/**
 * Reads lines `+ID` and `-ID`. The runtime may be about to make the container when it is first asked to delete it, hence
 * again for a second; but only while the bundle is there, which it would make anew: hence from within it, where it can
 * make nothing any more once the bundle is removed.
 * Arguments: the runtime, the folder of bundles, the name of the state's folder in a bundle.
 */
const script = `
live=
while read -r line; do
  id=\${line#?}
  case $line in
  +*) live="$live $id" ;;
  *)
    others=
    for other in $live; do [ "$other" = "$id" ] || others="$others $other"; done
    live=$others
    ;;
  esac
done
[ -n "$live" ] || exit
for try in 1 2 3 4 5; do
  for id in $live; do
    (cd "$1/$id" && [ -e config.json ] && exec "$0" --root "$2" delete --force "$id")
  done
  sleep 0.2
done
`;

/**
 * A guard whose shell lives while there is something to watch over: a daemon's builds are many, and each has its own.
 * @param runtime path of the OCI runtime @param folder where the bundles lie
 */
export function createStepGuard(runtime: string, folder: string): StepGuard {
  let pipe: Socket | undefined;
  let watched = 0;
  return {
    watch: (id) => {
      pipe ??= startShell([runtime, folder, stateFolder]);
      pipe.write(`+${id}\n`);
      watched++;
      return {
        [Symbol.dispose]: () => {
          pipe?.write(`-${id}\n`);
          if (--watched > 0) return;
          pipe?.end();
          pipe = undefined;
        },
      };
    },
  };
}

function startShell(args: readonly string[]): Socket {
  const child = spawn("/bin/sh", ["-c", script, ...args], {
    stdio: ["pipe", "ignore", "ignore"],
    env: { PATH: process.env["PATH"] },
    cwd: "/",
    // Out of reach of what is typed at our terminal.
    detached: true,
  });
  // Where there is no shell there is no guard.
  child.on("error", () => undefined);
  child.stdin.on("error", () => undefined);
  // Neither keeps us alive.
  child.unref();
  const pipe = child.stdin as Socket;
  pipe.unref();
  return pipe;
}
