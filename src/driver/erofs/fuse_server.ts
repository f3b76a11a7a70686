/** The program that shows one image: `fuse_server HOME CACHE-ID`, with the connection as descriptor 3. */
import { serveTree } from "../../fuse/index.ts";
import { openTree } from "../../layer/index.ts";
import { ownershipHere } from "../user_namespace.ts";
import { ErofsLayout } from "./erofs_layout.ts";
import { connection } from "./fuse_mount.ts";

const [home = "", id = ""] = process.argv.slice(2);
const layout = new ErofsLayout(home);
const layers = layout
  .chain(id)
  .toReversed()
  .map((layer) => layout.target(layer));
const { root, sources } = openTree(layers);
serveTree({ fuse: connection, root, sources, ownership: ownershipHere() });
