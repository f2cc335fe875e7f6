#pragma once

#include <span>

#include "addon/values.h"

namespace uwsgiref::addon {

/// The functions of the engine for its listeners and the addresses of their clients; src/server/native-addon.ts
/// describes them to TypeScript.
std::span<const Function> listener_functions() noexcept;

}  // namespace uwsgiref::addon
