/** The field that a command must carry. A page of another site cannot have a browser send it without asking first (CORS). */
export const CONTROL_FIELD = 'X-Uwsgiref-Control';
