/** CPython's `test.support.control_characters_c0`: the C0 set and DEL. */
export function controlCharactersC0(): string[] {
  return [...Array(0x20).keys(), 0x7f].map((code) => String.fromCharCode(code));
}
