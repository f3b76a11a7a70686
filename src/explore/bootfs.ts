/** Whether an image has what a machine would boot from: common misconception that it must (behaviours B003). */
import { type ByteString, toText } from "../byte_string.ts";
import type { ImagePath } from "./read_image_tree.ts";

/** Kernels, initial file systems and boot loaders where distributions put them (file-hierarchy(7), BLS, UEFI). */
const bootFile =
  /^(?:usr\/)?(?:boot\/(?:vmlinu[xz]|kernel-|bzImage|Image|initrd|initramfs|grub2?\/|loader\/|efi\/|EFI\/)|lib\/modules\/[^/]+\/vmlinuz$)/;

/** Files of a kernel or a boot loader. Nothing boots them in a container; they are dead weight. */
export function findBootFiles(paths: readonly ImagePath[]): ByteString[] {
  return paths.filter(({ kind, path }) => kind === "file" && bootFile.test(path)).map(({ path }) => path);
}

/** One line for people. */
export function bootfsLine(paths: readonly ImagePath[]): string {
  const found = findBootFiles(paths);
  if (found.length === 0) return "bootfs: none";
  const [first, ...more] = found.map((path) => `/${toText(path)}`);
  const others = more.length === 0 ? "" : ` and ${more.length} more`;
  return `bootfs: none; files for booting that no container uses: ${first as string}${others}`;
}
