/** Content that compresses as program text does, the same in every run. */

/** Numbers that look random and are not (xorshift32). */
export function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const words = wordList(4000);

function wordList(count: number): string[] {
  const next = numbers(7);
  const letters = "etaoinshrdlucmfwypvbgkjqxz";
  const word = (): string =>
    Array.from({ length: 2 + next(9) }, () => letters[Math.min(next(26), next(26))]).join("");
  return Array.from({ length: count }, word);
}

/** `length` bytes of words, about 3 to 1 for gzip. */
export function text(length: number, seed: number): Buffer {
  const next = numbers(seed);
  const parts: string[] = [];
  for (let left = length; left > 0;) {
    // Few words make most of a text.
    const word = words[Math.min(next(words.length), next(words.length), next(words.length))] as string;
    const part = next(8) === 0 ? `${word};\n` : `${word} `;
    parts.push(part);
    left -= part.length;
  }
  return Buffer.from(parts.join(""), "latin1").subarray(0, length);
}
