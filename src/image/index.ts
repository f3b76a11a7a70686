export * from "./add_layer.ts";
export * from "./derive_image.ts";
export * from "./image_facts.ts";
