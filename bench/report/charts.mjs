/**
 * The charts of the report: panels of horizontal bars, each with an axis of its own that begins at zero, the median as a bar, all rounds
 * from the least to the most as a line upon it. Drawn by ECharts, as SVG that follows the reader's light or dark theme.
 *
 * @typedef {object} Bar
 * @property {string} name
 * @property {number} value
 * @property {number} least
 * @property {number} most
 * @property {string} color
 *
 * @typedef {object} Panel
 * @property {string} title
 * @property {string} unit
 * @property {Bar[]} bars
 */
import * as echarts from 'echarts';
import { significant } from '../harness/figures.mjs';

const PANEL_WIDTH = 420;
const COLUMNS = 2;
const BAR_HEIGHT = 22;
const TITLE_HEIGHT = 44;
const PANEL_GAP = 20;
const NAME_WIDTH = 118;
const VALUE_WIDTH = 64;

const LIGHT = Object.freeze({ text: '#1f2328', faint: '#59636e', whisker: '#59636f', background: '#ffffff' });
const DARK = Object.freeze({ text: '#e6edf3', faint: '#9198a1', whisker: '#c9d1d9', background: '#0d1117' });

/**
 * @param {string} title for who cannot see it
 * @param {readonly Panel[]} panels
 * @returns {string} an SVG file
 */
export function drawChart(title, panels) {
  const columns = Math.min(COLUMNS, panels.length);
  const layout = layOut(panels, columns);
  const chart = echarts.init(null, null, {
    renderer: 'svg',
    ssr: true,
    width: columns * PANEL_WIDTH,
    height: layout.height,
  });
  try {
    chart.setOption(options(panels, layout.places));
    return themed(chart.renderToSVGString(), title);
  } finally {
    chart.dispose();
  }
}

/**
 * Panels go from left to right, rows as high as their highest.
 *
 * @param {readonly Panel[]} panels
 * @param {number} columns
 */
function layOut(panels, columns) {
  const places = [];
  let top = 0;
  for (let first = 0; first < panels.length; first += columns) {
    const row = panels.slice(first, first + columns);
    for (const [column, panel] of row.entries()) {
      places.push({ left: column * PANEL_WIDTH, top, height: panel.bars.length * BAR_HEIGHT });
    }
    const most = Math.max(...row.map(({ bars }) => bars.length));
    top += TITLE_HEIGHT + most * BAR_HEIGHT + PANEL_GAP;
  }
  return { places, height: top };
}

/**
 * @param {readonly Panel[]} panels
 * @param {readonly { left: number, top: number, height: number }[]} places
 * @returns {echarts.EChartsCoreOption}
 */
function options(panels, places) {
  const text = { color: LIGHT.text, fontFamily: 'system-ui, sans-serif' };
  return {
    animation: false,
    backgroundColor: LIGHT.background,
    textStyle: text,
    title: panels.map(({ title, unit }, index) => ({
      text: title,
      subtext: unit,
      left: /** @type {{ left: number }} */ (places[index]).left + 10,
      top: /** @type {{ top: number }} */ (places[index]).top + 6,
      itemGap: 2,
      textStyle: { ...text, fontSize: 13 },
      subtextStyle: { color: LIGHT.faint, fontSize: 11, fontFamily: text.fontFamily },
    })),
    grid: places.map(({ left, top, height }) => ({
      left: left + NAME_WIDTH,
      top: top + TITLE_HEIGHT,
      width: PANEL_WIDTH - NAME_WIDTH - VALUE_WIDTH,
      height,
    })),
    xAxis: panels.map(({ bars }, gridIndex) => ({
      gridIndex,
      type: 'value',
      min: 0,
      max: Math.max(...bars.map(({ most }) => most)) || 1,
      show: false,
    })),
    yAxis: panels.map(({ bars }, gridIndex) => ({
      gridIndex,
      type: 'category',
      inverse: true,
      data: bars.map(({ name }) => name),
      axisLine: { show: false },
      axisTick: { show: false },
      axisLabel: { ...text, fontSize: 12 },
    })),
    series: panels.flatMap(({ bars }, index) => [barSeries(bars, index), whiskers(bars, index)]),
  };
}

/**
 * @param {readonly Bar[]} bars
 * @param {number} index of the panel
 */
function barSeries(bars, index) {
  return {
    type: 'bar',
    silent: true,
    emphasis: { disabled: true },
    xAxisIndex: index,
    yAxisIndex: index,
    barWidth: '62%',
    data: bars.map(({ value, color }) => ({ value, itemStyle: { color } })),
  };
}

/**
 * The range of all rounds, with the figure behind it, where the line does not cross it.
 *
 * @param {readonly Bar[]} bars
 * @param {number} index of the panel
 */
function whiskers(bars, index) {
  return {
    type: 'custom',
    silent: true,
    xAxisIndex: index,
    yAxisIndex: index,
    data: bars.map(({ least, most }, row) => [least, row, most]),
    renderItem: (/** @type {unknown} */ _, /** @type {any} */ api) => {
      const row = api.value(1);
      const [from, y] = api.coord([api.value(0), row]);
      const [to] = api.coord([api.value(2), row]);
      const style = { stroke: LIGHT.whisker, lineWidth: 1.5 };
      const label = significant(bars[row]?.value);
      return {
        type: 'group',
        children: [
          { type: 'line', shape: { x1: from, y1: y, x2: to, y2: y }, style },
          {
            type: 'text',
            x: to + 6,
            y,
            style: { text: label, fill: LIGHT.text, fontSize: 12, verticalAlign: 'middle' },
          },
        ],
      };
    },
  };
}

/**
 * ECharts knows no stylesheet, so the picture is drawn in the light theme's colours, and rules put those of the dark one in their place.
 *
 * @param {string} svg
 * @param {string} title
 */
function themed(svg, title) {
  const rules = Object.entries(LIGHT).flatMap(([name, color]) =>
    ['fill', 'stroke'].map((how) => `[${how}="${color}"]{${how}:${DARK[/** @type {keyof typeof DARK} */ (name)]}}`),
  );
  const style = `<style>@media (prefers-color-scheme:dark){${rules.join('')}}</style>`;
  return `${svg.replace(/<svg[^>]*>/, (tag) => `${tag}\n<title>${escapeText(title)}</title>\n${style}`)}\n`;
}

/** @param {string} text */
function escapeText(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
