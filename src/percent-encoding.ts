/** Percent-encoding (RFC 3986 §2.1) of texts that hold one character a byte, as those of an environ do. */

/** A `%` without two hexadecimal digits behind it stays. */
export function percentDecode(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** @param unsafe what is to be encoded, each match one character; with the flag g */
export function percentEncode(text: string, unsafe: RegExp): string {
  return text.replace(unsafe, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}
