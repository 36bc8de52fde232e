/** Does all the work, so much of it at once as there are lanes; each lane does one piece after another. */
export async function lanes<Lane, Piece>(
  open: readonly Lane[],
  work: readonly Piece[],
  run: (lane: Lane, piece: Piece) => Promise<void>,
): Promise<void> {
  const left = [...work]
  await Promise.all(
    open.map(async (lane) => {
      for (let piece = left.shift(); piece !== undefined; piece = left.shift()) await run(lane, piece)
    }),
  )
}
