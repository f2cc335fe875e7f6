/** What a client sends could otherwise end a line, leave its quotes or control a terminal. */

import { hexEscape } from '../show.js';

const UNSAFE = /[^ !#-[\]-~]/;
const UNSAFE_IN_WORD = /[^!#-[\]-~]/;
const EACH_UNSAFE = new RegExp(UNSAFE, 'g');
const ESCAPES: Record<string, string> = { '"': '\\"', '\\': '\\\\' };
const NOT_ASCII = /[^\0-~]/g;

/** A text as it stands between quotes. */
export function quoted(text: string): string {
  return UNSAFE.test(text) ? text.replace(EACH_UNSAFE, escaped) : text;
}

/** Without spaces, between which whoever reads the log counts. */
export function word(text: string): string {
  return UNSAFE_IN_WORD.test(text) ? quoted(text).replaceAll(' ', '\\x20') : text;
}

/** A text as it stands between the quotes of JSON. */
export function quotedInJson(text: string): string {
  return UNSAFE.test(text) ? withoutControls(JSON.stringify(text).slice(1, -1)) : text;
}

/** The same JSON, without what may stand in it as it is, but a terminal may obey. */
export function withoutControls(json: string): string {
  return json.replace(NOT_ASCII, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  return ESCAPES[character] ?? (code <= 0xff ? hexEscape(character) : `\\u${code.toString(16).padStart(4, '0')}`);
}
