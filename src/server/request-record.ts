/**
 * Where the engine puts what in the record of a request: native/addon/request_record.h, place for place. All begins
 * and ends are offsets into the text that came with it. Records that come together stand one behind the other.
 */

export const SLOT = 0;
export const GENERATION = 1;
export const FLAGS = 2;
/** An index into {@link METHODS}; 0: take it from the text. */
export const METHOD = 3;
export const LISTENER = 4;
export const METHOD_BEGIN = 5;
export const METHOD_END = 6;
/** The request target as received. */
export const TARGET_BEGIN = 7;
export const TARGET_END = 8;
export const PATH_BEGIN = 9;
export const PATH_END = 10;
export const QUERY_BEGIN = 11;
export const QUERY_END = 12;
export const AUTHORITY_BEGIN = 13;
export const AUTHORITY_END = 14;
export const ADDRESS_BEGIN = 15;
export const ADDRESS_END = 16;
/** The port's digits follow the address. */
export const PORT_END = 17;
/** The client's certificate follows the port. */
export const CERTIFICATE_END = 18;
export const BODY_SIZE_HIGH = 19;
export const BODY_SIZE_LOW = 20;
export const BODY_FILE = 21;
export const FIELD_COUNT = 22;
/** The first field; each takes {@link FIELD_PLACES}. */
export const FIELDS = 23;

export const HTTP_1_1 = 1;
export const HAS_BODY = 2;
export const BODY_IN_FILE = 4;
export const FROM_TRUSTED_PROXY = 8;

/** An index into the engine's `cgiKeys`; 0: the text has the key. */
export const FIELD_KEY = 0;
/** Whether an earlier field has the same known key. */
export const FIELD_REPEATS = 1;
export const FIELD_VALUE_BEGIN = 2;
export const FIELD_VALUE_END = 3;
export const FIELD_KEY_BEGIN = 4;
export const FIELD_KEY_END = 5;
export const FIELD_PLACES = 6;

/** The known methods, in the order of the engine's `http::Method`. */
export const METHODS = ['', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'CONNECT'] as const;
