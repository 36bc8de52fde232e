// Loaded before the program (node --import): at SIGUSR2 an hour has passed, as for a machine that was asleep.
const RealDate = Date
let asleep = 0
globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length > 0) super(...given)
    else super(RealDate.now() + asleep)
  }
  static now() {
    return RealDate.now() + asleep
  }
}
process
  .on('SIGUSR2', () => {
    asleep += 3_600_000
  })
  .unref?.()
