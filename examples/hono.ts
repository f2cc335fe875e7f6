import { Hono } from 'hono';
import { type Environ, fromFetch } from 'uwsgiref';

const hono = new Hono<{ Bindings: Environ }>();

hono.get('/hello/:name', (c) => c.text(`Hello, ${c.req.param('name')}! You are at ${c.env.REMOTE_ADDR}\n`));

/** Sends back what it gets, as it comes. */
hono.post('/echo', (c) => new Response(c.req.raw.body));

export const app = fromFetch(hono);
