/**
 * Sets the environ key of a known field. One store for each name, because V8 gives each its own inline cache; a store
 * by a computed key is a store through its slowest path, and would be the dearest step of a request.
 *
 * The numbers are the engine's, `http::FieldName`; a test holds them against its table.
 */

import type { Environ } from '../types.js';

/** @param name the engine's number of the field's name; not 0, which is no known one */
export function setKnownField(environ: Environ, name: number, value: string): void {
  switch (name) {
    case 1:
      environ.HTTP_ACCEPT = value;
      break;
    case 2:
      environ.HTTP_ACCEPT_CHARSET = value;
      break;
    case 3:
      environ.HTTP_ACCEPT_ENCODING = value;
      break;
    case 4:
      environ.HTTP_ACCEPT_LANGUAGE = value;
      break;
    case 5:
      environ.HTTP_ACCESS_CONTROL_REQUEST_HEADERS = value;
      break;
    case 6:
      environ.HTTP_ACCESS_CONTROL_REQUEST_METHOD = value;
      break;
    case 7:
      environ.HTTP_AUTHORIZATION = value;
      break;
    case 8:
      environ.HTTP_CACHE_CONTROL = value;
      break;
    case 9:
      environ.HTTP_CONNECTION = value;
      break;
    case 10:
      environ.HTTP_CONTENT_ENCODING = value;
      break;
    case 11:
      environ.HTTP_CONTENT_LANGUAGE = value;
      break;
    case 12:
      environ.CONTENT_LENGTH = value;
      break;
    case 13:
      environ.HTTP_CONTENT_LOCATION = value;
      break;
    case 14:
      environ.CONTENT_TYPE = value;
      break;
    case 15:
      environ.HTTP_COOKIE = value;
      break;
    case 16:
      environ.HTTP_DATE = value;
      break;
    case 17:
      environ.HTTP_DNT = value;
      break;
    case 18:
      environ.HTTP_EXPECT = value;
      break;
    case 19:
      environ.HTTP_FORWARDED = value;
      break;
    case 20:
      environ.HTTP_FROM = value;
      break;
    case 21:
      environ.HTTP_HOST = value;
      break;
    case 22:
      environ.HTTP_IF_MATCH = value;
      break;
    case 23:
      environ.HTTP_IF_MODIFIED_SINCE = value;
      break;
    case 24:
      environ.HTTP_IF_NONE_MATCH = value;
      break;
    case 25:
      environ.HTTP_IF_RANGE = value;
      break;
    case 26:
      environ.HTTP_IF_UNMODIFIED_SINCE = value;
      break;
    case 27:
      environ.HTTP_KEEP_ALIVE = value;
      break;
    case 28:
      environ.HTTP_MAX_FORWARDS = value;
      break;
    case 29:
      environ.HTTP_ORIGIN = value;
      break;
    case 30:
      environ.HTTP_PRAGMA = value;
      break;
    case 31:
      environ.HTTP_PRIORITY = value;
      break;
    case 32:
      environ.HTTP_PROXY = value;
      break;
    case 33:
      environ.HTTP_PROXY_AUTHENTICATE = value;
      break;
    case 34:
      environ.HTTP_PROXY_AUTHORIZATION = value;
      break;
    case 35:
      environ.HTTP_PROXY_CONNECTION = value;
      break;
    case 36:
      environ.HTTP_RANGE = value;
      break;
    case 37:
      environ.HTTP_REFERER = value;
      break;
    case 38:
      environ.HTTP_SEC_CH_UA = value;
      break;
    case 39:
      environ.HTTP_SEC_CH_UA_MOBILE = value;
      break;
    case 40:
      environ.HTTP_SEC_CH_UA_PLATFORM = value;
      break;
    case 41:
      environ.HTTP_SEC_FETCH_DEST = value;
      break;
    case 42:
      environ.HTTP_SEC_FETCH_MODE = value;
      break;
    case 43:
      environ.HTTP_SEC_FETCH_SITE = value;
      break;
    case 44:
      environ.HTTP_SEC_FETCH_USER = value;
      break;
    case 45:
      environ.HTTP_SERVER = value;
      break;
    case 46:
      environ.HTTP_TE = value;
      break;
    case 47:
      environ.HTTP_TRAILER = value;
      break;
    case 48:
      environ.HTTP_TRAILERS = value;
      break;
    case 49:
      environ.HTTP_TRANSFER_ENCODING = value;
      break;
    case 50:
      environ.HTTP_UPGRADE = value;
      break;
    case 51:
      environ.HTTP_UPGRADE_INSECURE_REQUESTS = value;
      break;
    case 52:
      environ.HTTP_USER_AGENT = value;
      break;
    case 53:
      environ.HTTP_VIA = value;
      break;
    case 54:
      environ.HTTP_X_FORWARDED_FOR = value;
      break;
    case 55:
      environ.HTTP_X_FORWARDED_HOST = value;
      break;
    case 56:
      environ.HTTP_X_FORWARDED_PROTO = value;
      break;
    case 57:
      environ.HTTP_X_REAL_IP = value;
      break;
    case 58:
      environ.HTTP_X_REQUEST_ID = value;
      break;
    case 59:
      environ.HTTP_X_REQUESTED_WITH = value;
      break;
  }
}
