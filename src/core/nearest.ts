/** The options most similar to what was typed: Dice's coefficient of their letter pairs is above 0.4. */
export function nearest<T>(
  typed: string,
  options: readonly T[],
  namesOf: (option: T) => readonly string[],
  atMost = 3,
): T[] {
  const letters = pairs(typed.slice(0, 200))
  return options
    .map((option) => ({
      option,
      alike: Math.max(...namesOf(option).map((name) => dice(letters, pairs(name)))),
    }))
    .filter(({ alike }) => alike > 0.4)
    .sort((a, b) => b.alike - a.alike)
    .slice(0, atMost)
    .map(({ option }) => option)
}

const pairs = (text: string): Set<string> => {
  const letters = text.toLowerCase().replace(/[^a-z0-9]/g, '')
  return new Set(Array.from({ length: Math.max(letters.length - 1, 0) }, (_, i) => letters.slice(i, i + 2)))
}

const dice = (a: Set<string>, b: Set<string>): number =>
  (2 * [...a].filter((pair) => b.has(pair)).length) / (a.size + b.size || 1)
