// To be imported by Node before the program: fifteen seconds of its heartbeat pass in a hundredth of that.
const { setInterval } = globalThis
globalThis.setInterval = (work, ms, ...rest) => setInterval(work, ms >= 1000 ? ms / 100 : ms, ...rest)
