/**
 * The assets of a page, as an application that was built with a bundler has them: names, sizes and kinds, and their bytes.
 *
 * @typedef {object} Asset
 * @property {string} path that asks for it
 * @property {number} size bytes, uncompressed
 * @property {boolean} precompressed a text, with siblings by gzip and brotli
 */
import { noise } from './noise.mjs';

/** @type {ReadonlyArray<[name: string, kibibytes: number]>} */
const NAMES = [
  ['index.html', 12],
  ['app-3f9c2a71.css', 64],
  ['vendor-b1e07d55.css', 24],
  ['app-90aa17c3.js', 180],
  ['vendor-5d2e8f10.js', 300],
  ['router-77c1e0b2.js', 28],
  ['chart-0c4b9ad6.js', 120],
  ['i18n-en-e2a5f318.json', 36],
  ['manifest.json', 3],
  ['logo-1b2c3d4e.svg', 5],
  ['icons-84f0a9bb.svg', 20],
  ['map-f1d2c3b4.svg', 40],
  ['inter-400.woff2', 48],
  ['inter-700.woff2', 52],
  ['hero.jpg', 220],
  ['photo-1.jpg', 90],
  ['photo-2.jpg', 110],
  ['avatar.png', 15],
  ['badge.png', 6],
  ['favicon.png', 4],
];

/** @type {readonly Asset[]} */
export const ASSETS = Object.freeze(
  NAMES.map(([name, kibibytes]) => ({
    path: `/assets/${name}`,
    size: kibibytes * 1024,
    precompressed: /\.(html|css|js|json|svg)$/.test(name),
  })),
);

const WORDS = 'const return function export import margin padding color default await class path value index'.split(
  ' ',
);

/**
 * The bytes of an asset: what is a text compresses to about a third, as bundles do; what is a picture not at all.
 *
 * @param {Asset} asset
 */
export function assetBytes({ size, precompressed }) {
  if (!precompressed) return noise(size);
  let state = size;
  let text = '';
  while (text.length < size) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    text += `${WORDS[(state >>> 16) % WORDS.length]}_${(state >>> 8).toString(36).slice(0, 2)} `;
  }
  return Buffer.from(text.slice(0, size));
}
