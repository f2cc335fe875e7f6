/** An application that takes all descriptors that its process may have, for servers under attack. */

import { closeSync, openSync } from 'node:fs';

/** @type {number[]} */
const taken = [];

/** @returns how many it has now */
export function takeDescriptors() {
  try {
    for (;;) taken.push(openSync('/dev/null', 'r'));
  } catch {
    return taken.length;
  }
}

export function returnDescriptors() {
  for (const descriptor of taken.splice(0)) closeSync(descriptor);
}
