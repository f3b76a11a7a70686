/** The bytes of the image in two views. */
export interface Image {
  readonly bytes: Buffer;
  /**
   * Of 32 bits: everything in the format but names and contents lies at multiples of four, and an assignment is the
   * cheapest way to write it. Little endian, as are all machines that Node runs on with Linux but s390x.
   */
  readonly words: Uint32Array;
}

export function newImage(size: number): Image {
  // Not from Node's pool, whose place in its buffer could be odd, and zero throughout.
  const memory = new ArrayBuffer(size);
  return { bytes: Buffer.from(memory), words: new Uint32Array(memory) };
}
