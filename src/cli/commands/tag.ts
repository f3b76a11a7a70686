/** `varve tag`: behaviours B091. */
import { command } from "../app.ts";

export const tag = command({
  path: ["tag"],
  aliases: [["image", "tag"]],
  section: "Images",
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  summary: "Give an image another name",
  examples: [{ text: "A name that leads to a registry", command: "varve tag app:1 127.0.0.1:5000/app:1" }],
  flags: {},
  args: { min: 2, max: 2 },
  complete: "image",
  async run({ app, args }) {
    await (await app.engine()).images.tag(args[0] as string, args[1] as string);
  },
});
