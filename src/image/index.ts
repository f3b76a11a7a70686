export * from "./add_layer.ts";
export * from "./append_layer.ts";
export { bareEntry } from "./bare_entry.ts";
export * from "./derive_image.ts";
export * from "./image_facts.ts";
export * from "./layer_draft.ts";
export * from "./read_image_file.ts";
