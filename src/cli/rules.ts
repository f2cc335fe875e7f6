/** Which section of PEP 3333 has the rule that a complaint of the validator's or the server's is about. */

const SECTIONS: ReadonlyArray<readonly [begins: RegExp, section: string]> = [
  [/^(environ|SCRIPT_NAME|PATH_INFO|CONTENT_LENGTH|wsgi\.(version|url_scheme))\b/, 'environ Variables'],
  [/^wsgi\.(input|errors)\b/, 'Input and Error Streams'],
  [/^write\(\)/, 'The write() Callable'],
  [
    /^(startResponse|Status|The status|Headers?|A header|Bad header|(No )?Content-Type)\b/,
    'The start_response() Callable',
  ],
  [/^The body was iterated over/, 'The start_response() Callable'],
  [/^(Return \[body\]|The application must return|The body yielded|Iterator)/, 'Specification Details'],
  [/^An application wrote (less|more) than its Content-Length/, 'Handling the Content-Length Header'],
  [/^the hop-by-hop header/, 'Other HTTP Features'],
];

/** @returns undefined for an error that is the application's own */
export function sectionOf(complaint: string): string | undefined {
  return SECTIONS.find(([begins]) => begins.test(complaint))?.[1];
}
