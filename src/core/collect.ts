/** All items of all pages. */
export async function collect<Page, T>(
  pages: AsyncIterable<Page>,
  itemsOf: (page: Page) => readonly T[],
): Promise<T[]> {
  const items: T[] = []
  for await (const page of pages) items.push(...itemsOf(page))
  return items
}
