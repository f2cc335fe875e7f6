#pragma once

#include <span>

#include "addon/values.h"

namespace uwsgiref::addon {

/// The functions of the engine by which JavaScript answers; src/server/native-addon.ts describes them to TypeScript.
std::span<const Function> answer_functions() noexcept;

}  // namespace uwsgiref::addon
