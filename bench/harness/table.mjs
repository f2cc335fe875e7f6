/**
 * A Markdown table that reads well as plain text: names to the left, figures to the right.
 *
 * @param {readonly string[]} header
 * @param {readonly (readonly string[])[]} rows
 * @param {number} [names] columns that hold no figures, the first ones
 * @returns {string}
 */
export function formatTable(header, rows, names = 1) {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (/** @type {readonly string[]} */ cells) => {
    const padded = widths.map((width, column) => {
      const cell = cells[column] ?? '';
      return column < names ? cell.padEnd(width) : cell.padStart(width);
    });
    return `| ${padded.join(' | ')} |`;
  };
  const rule = widths.map((width, column) => (column < names ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}
