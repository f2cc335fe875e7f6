/**
 * Runs autocannon for the plan on standard input, as its own command line cannot: requests in turn, one cipher. Prints its result as JSON.
 */
import { text } from 'node:stream/consumers';
// @ts-expect-error: it comes without types.
import autocannon from 'autocannon';

/** @type {import('../harness/load.mjs').LoadPlan} */
const { origin, scenario, connections, seconds, tlsCipher } = JSON.parse(await text(process.stdin));
const { paths, method, headers, body, pipeline } = scenario;

const result = await autocannon({
  url: `${origin}${paths[0]}`,
  connections,
  duration: seconds,
  pipelining: pipeline,
  requests: paths.map((path) => ({ path, method, headers, ...(body && { body }) })),
  tlsOptions: { ciphers: tlsCipher },
});
process.stdout.write(JSON.stringify(result));
