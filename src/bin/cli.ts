/** The command line program. */
import { main } from "../cli/index.ts";

// No `await` out here: the bundle is a function, which `start.ts` calls.
void main(process.argv.slice(2)).then((code) => (process.exitCode = code));
