/** The command line program. */
import { main } from "../cli/index.ts";

// No `await` out here: the bundle is a function, which `start.ts` calls.
const registry = () => import("./registry_server.ts");
const daemon = () => import("../api/index.ts");
const cri = () => import("../cri/index.ts");
void main(process.argv.slice(2), { registry, daemon, cri }).then((code) => (process.exitCode = code));
