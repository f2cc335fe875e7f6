#pragma once

#define NAPI_VERSION 8
#include <node_api.h>

namespace uwsgiref::addon {

/// openBeneath(root, path, policy, found: BigInt64Array): opens the regular file or directory at `path`, which is
/// relative to `root`. Policy 0 follows symbolic links that stay beneath the root, 1 follows none, 2 follows all; a
/// path with one of /proc's magic links fails always. Answers the descriptor, with size, mtime in nanoseconds, inode,
/// device, mode and ctime in `found`, or a negative error number: that of openat2(2); ENXIO for what is neither a file
/// nor a directory, which is not opened; ENOSYS where there is no such call.
napi_value open_beneath(napi_env env, napi_callback_info info);

}  // namespace uwsgiref::addon
