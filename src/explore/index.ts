/** What is in an image and where it comes from, wherever the image is. Needs neither Linux nor privilege. */
export { bootfsLine, findBootFiles } from "./bootfs.ts";
export { readImageTree, type ImagePath, type ReadTreeOptions } from "./read_image_tree.ts";
