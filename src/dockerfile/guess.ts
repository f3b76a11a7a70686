/** The one of `options` that `word` was probably meant to be: at most two letters wrong, missing or too many. */
export function guess(word: string, options: Iterable<string>): string | undefined {
  if (word.length > 30) return undefined;
  let [best, distance] = [undefined as string | undefined, 3];
  for (const option of options) {
    const found = editDistance(word.toLowerCase(), option.toLowerCase());
    if (found < distance && found < option.length) [best, distance] = [option, found];
  }
  return best;
}

/** Levenshtein's: letters to change, insert or remove; two neighbours that changed places count as one. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + changed);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, at(before, j - 2) + 1);
      row.push(cost);
    }
    [before, last] = [last, row];
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] as number;
}
