/** The program that shows one image: `fuse_server HOME CACHE-ID`, with the connection as descriptor 3. */
import { serveTree } from "../../fuse/index.ts";
import { openTree } from "../../layer/index.ts";
import { ownershipHere } from "../user_namespace.ts";
import { ErofsLayout } from "./erofs_layout.ts";
import { connection } from "./fuse_mount.ts";

const [home = "", id = ""] = process.argv.slice(2);
const { root, sources } = openTree(new ErofsLayout(home).targets(id));
serveTree({ fuse: connection, root, sources, ownership: ownershipHere() });
