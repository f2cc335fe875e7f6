export function statusPage(): { status: string; headers: Array<[string, string]>; body: string } {
  return { status: '200 OK', headers: [], body: '' };
}
