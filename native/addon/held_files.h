#pragma once

#define NAPI_VERSION 8
#include <node_api.h>

#include "net/file_blocks.h"
#include "net/open_files.h"

namespace uwsgiref::addon {

/// The files that one Node environment holds open, and what it has read of them.
struct HeldFiles {
  net::OpenFiles open;
  net::FileBlocks blocks;
};

/// The functions by which JavaScript has files held open; src/server/held-file.ts describes them to TypeScript.
napi_value held_file_functions(napi_env env, HeldFiles& files) noexcept;

}  // namespace uwsgiref::addon
