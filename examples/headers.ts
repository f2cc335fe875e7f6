import { Headers } from 'uwsgiref/headers';
import type { HeaderList } from 'uwsgiref/types';

const list: HeaderList = [['Content-Type', 'image/gif']];

// A view of the list, not a copy: what is added here is what startResponse will be given.
const headers = new Headers(list);
headers.addHeader('Content-Disposition', 'attachment', { filename: 'bud.gif' });

for (const [name, value] of list) console.log(`${name}: ${value}`);
