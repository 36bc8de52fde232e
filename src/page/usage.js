// Draws the charts of the page that `usage --open` writes. It runs in the browser and asks no network: the figures
// stand in the page itself. Every chart has its table beside it, so a chart is only a picture here.
import uPlot from 'uplot'
import css from 'uplot/dist/uPlot.min.css'

document.head.append(Object.assign(document.createElement('style'), { textContent: css }))
const figures = JSON.parse(document.getElementById('figures').textContent)
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
const dollars = (amount) => `$${amount.toFixed(2)}`

/** Dollars as bars over names, as wide as its place. */
function draw(place, rows) {
  place.replaceChildren()
  const axis = {
    stroke: color('--soft'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  }
  const most = Math.max(...rows.map(([, amount]) => amount), 0.01)
  new uPlot(
    {
      width: place.clientWidth,
      height: 200,
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      legend: { show: false },
      scales: { x: { time: false, range: [-0.6, rows.length - 0.4] }, y: { range: [0, most * 1.1] } },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 28,
          space: (rows[0]?.[0].length ?? 2) * 8 + 16,
          incrs: [1, 2, 5, 7, 10],
          values: (_, at) => at.map((i) => rows[i]?.[0] ?? ''),
        },
        { ...axis, size: 60, values: (_, at) => at.map(dollars) },
      ],
      series: [
        {},
        {
          fill: color('--bar'),
          width: 0,
          points: { show: false },
          paths: uPlot.paths.bars({ size: [0.7, 48] }),
        },
      ],
    },
    [rows.map((_, i) => i), rows.map(([, amount]) => amount)],
    place,
  )
}

function drawAll() {
  for (const place of document.querySelectorAll('[data-chart]')) draw(place, figures[place.dataset.chart])
}
drawAll()
addEventListener('resize', drawAll)
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll)
