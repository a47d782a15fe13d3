// Answers a second as lines: uPlot, drawn in the page's own colours.

const SECONDS = 300;

// What the style sheet says of a chart's box, each colour as it is now: a canvas knows no variables.
function style(chart) {
  return getComputedStyle(chart.root.parentElement);
}

// The last SECONDS values, the newest at 0; what the machine has not yet lived through is a gap.
function columns(rates) {
  const seconds = Array.from({ length: SECONDS }, (_, place) => place - SECONDS + 1);
  const gap = new Array(Math.max(0, SECONDS - rates.length)).fill(null);
  return [seconds, [...gap, ...rates.slice(-SECONDS)]];
}

function line() {
  return {
    stroke: (chart) => style(chart).stroke,
    fill: (chart) => style(chart).fill,
    width: 1.5,
    points: { show: false },
  };
}

const SCALES = { x: { time: false }, y: { range: (_, __, most) => [0, Math.max(5, most * 1.1)] } };

function follow(box, chart, height) {
  const fit = () => {
    const width = box.clientWidth;
    if (width > 0 && width !== chart.width) chart.setSize({ width, height });
  };
  new ResizeObserver(fit).observe(box);
  fit();
}

function made(box, height, options) {
  const chart = new window.uPlot(
    {
      width: 100,
      height,
      legend: { show: false },
      cursor: { show: false },
      scales: SCALES,
      ...options,
      series: [{}, line()],
    },
    columns([]),
    box,
  );
  follow(box, chart, height);
  return { show: (rates) => chart.setData(columns(rates)), redraw: () => chart.redraw(false, true) };
}

export function sparkline(box) {
  return made(box, 44, { axes: [{ show: false }, { show: false }], padding: [2, 0, 2, 0] });
}

// `label` says an x value, in seconds before now, in words.
export function chart(box, label) {
  const axis = {
    stroke: (chart) => style(chart).color,
    grid: { stroke: (chart) => style(chart).borderTopColor, width: 1 },
    ticks: { show: false },
  };
  return made(box, 210, {
    axes: [
      {
        ...axis,
        size: 26,
        splits: (chart) => (chart.width < 320 ? [-240, -120, 0] : [-240, -180, -120, -60, 0]),
        values: (_, splits) => splits.map(label),
      },
      { ...axis, size: 48, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] },
    ],
    padding: [8, 24, 0, 0],
  });
}
